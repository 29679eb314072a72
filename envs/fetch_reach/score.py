"""Minus the mean distance between gripper and goal; a success ends within 5 cm of it.

The threshold is that of Plappert et al. (2018), Multi-Goal Reinforcement Learning, section 1.1.
"""

import numpy as np


def distance(robot0_grip_position, goal_position):
    return np.linalg.norm(robot0_grip_position - goal_position, axis=1)


def score(robot0_grip_position, goal_position, horizon):
    return float(-distance(robot0_grip_position, goal_position).sum() / horizon)


def success(robot0_grip_position, goal_position):
    return bool(distance(robot0_grip_position, goal_position)[-1] < 0.05)


def sparse(robot0_grip_position, goal_position):
    nearness = -distance(robot0_grip_position, goal_position)
    return nearness, {"nearness": nearness}
