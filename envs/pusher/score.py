"""Minus the mean distance between object and goal; a success ends with the object's centre on the goal disc, 8 cm."""

import numpy as np


def distance(object_position, goal_position):
    return np.linalg.norm(object_position - goal_position, axis=1)


def score(object_position, goal_position, horizon):
    return float(-distance(object_position, goal_position).sum() / horizon)


def success(object_position, goal_position):
    return bool(distance(object_position, goal_position)[-1] < 0.08)


def sparse(object_position, goal_position):
    nearness = -distance(object_position, goal_position)
    return nearness, {"nearness": nearness}
