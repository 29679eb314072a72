"""Minus the mean distance along the x axis between the handle and its goal; a success was within 5 cm in some step.

Distance and threshold are those by which Meta-World (Yu et al., 2020) calls a step a success; Text2Reward (Xie et al.,
2024) counts an episode with such a step.
"""

import numpy as np


def distance(object_position, goal_position):
    return np.abs(object_position[:, 0] - goal_position[:, 0])


def score(object_position, goal_position, horizon):
    return float(-distance(object_position, goal_position).sum() / horizon)


def success(object_position, goal_position):
    return bool((distance(object_position, goal_position) <= 0.05).any())


def sparse(object_position, goal_position):
    nearness = -distance(object_position, goal_position)
    return nearness, {"nearness": nearness}
