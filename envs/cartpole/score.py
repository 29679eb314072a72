"""Share of the horizon for which the pole stays up; the environment ends the episode when it falls."""

import numpy as np


def score(pole_angle, terminated, horizon):
    return float((pole_angle.shape[0] - terminated) / horizon)


def success(terminated):
    return not terminated


def sparse(terminated):
    balanced = np.where(terminated, 0.0, 1.0)
    return balanced, {"balanced": balanced}
