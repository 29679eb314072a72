"""Mean speed of the spinner in the direction that is asked for, up to 15 rad/s.

The speed is that of Tassa et al. (2018), DeepMind Control Suite.
"""

import numpy as np


def spinning(hinge_velocity):
    return np.clip(-hinge_velocity, 0.0, 15.0)


def score(hinge_velocity, horizon):
    return float(spinning(hinge_velocity).sum() / horizon)


def sparse(hinge_velocity):
    paid = spinning(hinge_velocity)
    return paid, {"spinning": paid}
