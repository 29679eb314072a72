"""Share of the time in which the pole stands and the cart is near the middle: what the suite's sparse task pays.

Tassa et al. (2018), DeepMind Control Suite: cosine 0.995 and 25 cm.
"""

import numpy as np


def balanced(pole_1_up, slider_displacement):
    return np.where((pole_1_up[:, 2] > 0.995) & (np.abs(slider_displacement) < 0.25), 1.0, 0.0)


def score(pole_1_up, slider_displacement, horizon):
    return float(balanced(pole_1_up, slider_displacement).sum() / horizon)


def sparse(pole_1_up, slider_displacement):
    paid = balanced(pole_1_up, slider_displacement)
    return paid, {"balanced": paid}
