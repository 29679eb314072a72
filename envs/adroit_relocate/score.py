"""Minus the mean distance between ball and target; a success ends within 10 cm.

The threshold is the environment's own, of Rajeswaran et al. (2018), Learning Complex Dexterous Manipulation.
"""

import numpy as np


def distance(Object_position, target_position):
    return np.linalg.norm(Object_position - target_position, axis=1)


def score(Object_position, target_position, horizon):
    return float(-distance(Object_position, target_position).sum() / horizon)


def success(Object_position, target_position):
    return bool(distance(Object_position, target_position)[-1] < 0.1)


def sparse(Object_position, target_position):
    nearness = -distance(Object_position, target_position)
    return nearness, {"nearness": nearness}
