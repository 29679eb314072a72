"""Mean forward speed up to the 1 m/s that is asked for, where the torso is 1 m high or higher.

The speed is that of Tassa et al. (2018), DeepMind Control Suite, where an upright torso is 1.2 m high.
"""

import numpy as np


def walking(torso_subtreelinvel_reading, torso_position):
    return np.where(torso_position[:, 2] > 1.0, np.clip(torso_subtreelinvel_reading[:, 0], 0.0, 1.0), 0.0)


def score(torso_subtreelinvel_reading, torso_position, horizon):
    return float(walking(torso_subtreelinvel_reading, torso_position).sum() / horizon)


def sparse(torso_subtreelinvel_reading, torso_position):
    paid = walking(torso_subtreelinvel_reading, torso_position)
    return paid, {"walking": paid}
