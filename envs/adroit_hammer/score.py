"""Minus the mean distance that the nail still sticks out; a success ends with less than 1 cm.

The threshold is the environment's own, of Rajeswaran et al. (2018), Learning Complex Dexterous Manipulation.
"""

import numpy as np


def sticking_out(S_target_position, nail_goal_position):
    return np.linalg.norm(S_target_position - nail_goal_position, axis=1)


def score(S_target_position, nail_goal_position, horizon):
    return float(-sticking_out(S_target_position, nail_goal_position).sum() / horizon)


def success(S_target_position, nail_goal_position):
    return bool(sticking_out(S_target_position, nail_goal_position)[-1] < 0.01)


def sparse(S_target_position, nail_goal_position):
    depth = -sticking_out(S_target_position, nail_goal_position)
    return depth, {"depth": depth}
