"""Minus the mean distance between puck and goal; a success ends within 5 cm of it.

The threshold is that of Plappert et al. (2018), Multi-Goal Reinforcement Learning, section 1.1.
"""

import numpy as np


def distance(object0_position, goal_position):
    return np.linalg.norm(object0_position - goal_position, axis=1)


def score(object0_position, goal_position, horizon):
    return float(-distance(object0_position, goal_position).sum() / horizon)


def success(object0_position, goal_position):
    return bool(distance(object0_position, goal_position)[-1] < 0.05)


def sparse(object0_position, goal_position):
    nearness = -distance(object0_position, goal_position)
    return nearness, {"nearness": nearness}
