"""Minus the mean distance between fingertip and target; a success ends within their radii, 5 and 1 cm.

The radii are those of Tassa et al. (2018), DeepMind Control Suite.
"""

import numpy as np


def nearness(to_target):
    return -np.linalg.norm(to_target, axis=1)


def score(to_target, horizon):
    return float(nearness(to_target).sum() / horizon)


def success(to_target):
    return bool(-nearness(to_target)[-1] < 0.06)


def sparse(to_target):
    paid = nearness(to_target)
    return paid, {"nearness": paid}
