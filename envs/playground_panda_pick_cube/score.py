"""Minus the mean distance between cube and target; a success ends within 5 cm.

The threshold is that of Fetch's tasks (Plappert et al., 2018); Playground has none. A cube that has left the table,
which ends the episode, counts as 1 m away.
"""

import numpy as np


def nearness(box_position, target_position):
    return -np.linalg.norm(box_position - target_position, axis=1)


def score(box_position, target_position, horizon):
    near = nearness(box_position, target_position)
    return float((near.sum() - (horizon - len(near))) / horizon)


def success(box_position, target_position, terminated):
    return bool(not terminated and nearness(box_position, target_position)[-1] > -0.05)


def sparse(box_position, target_position):
    near = nearness(box_position, target_position)
    return near, {"nearness": near}
