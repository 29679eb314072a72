"""Minus the distance from the target where the episode ends; a success ends within 0.2 m.

The success metric of IsaacLabEureka on this task, with its tolerance.
"""

import numpy as np


def distance(position, target_position):
    return np.linalg.norm(position - target_position, axis=1)


def score(position, target_position):
    return float(-distance(position, target_position)[-1])


def success(position, target_position):
    return bool(distance(position, target_position)[-1] < 0.2)


def sparse(position, target_position):
    nearness = -distance(position, target_position)
    return nearness, {"nearness": nearness}
