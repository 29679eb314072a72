"""Mean horizontal speed up to the 1 m/s that is asked for, where the head is 1.2 m high or higher.

The speed is that of Tassa et al. (2018), DeepMind Control Suite, where the head of who stands is 1.4 m high.
"""

import numpy as np


def walking(torso_subtreelinvel_reading, head_position):
    return np.where(head_position[:, 2] > 1.2, np.minimum(np.hypot(*torso_subtreelinvel_reading[:, :2].T), 1.0), 0.0)


def score(torso_subtreelinvel_reading, head_position, horizon):
    return float(walking(torso_subtreelinvel_reading, head_position).sum() / horizon)


def sparse(torso_subtreelinvel_reading, head_position):
    paid = walking(torso_subtreelinvel_reading, head_position)
    return paid, {"walking": paid}
