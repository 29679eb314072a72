"""Mean forward speed up to the 0.5 m/s that is asked for, times how upright the torso is.

The speed is that of Tassa et al. (2018), DeepMind Control Suite.
"""

import numpy as np


def walking(velocimeter_reading, torso_up):
    return np.clip(velocimeter_reading[:, 0], 0.0, 0.5) * np.maximum(torso_up[:, 2], 0.0)


def score(velocimeter_reading, torso_up, horizon):
    return float(walking(velocimeter_reading, torso_up).sum() / horizon)


def sparse(velocimeter_reading, torso_up):
    paid = walking(velocimeter_reading, torso_up)
    return paid, {"walking": paid}
