"""Share of the horizon for which the poles stay up; the environment ends the episode when they fall."""

import numpy as np


def score(hinge_angle, terminated, horizon):
    return float((hinge_angle.shape[0] - terminated) / horizon)


def success(terminated):
    return not terminated


def sparse(terminated):
    balanced = np.where(terminated, 0.0, 1.0)
    return balanced, {"balanced": balanced}
