"""Mean forward speed up to the 1 m/s that is asked for, times how far the torso has risen from 0.6 to 1.2 m.

Speed and heights are those between which Tassa et al. (2018), DeepMind Control Suite, pays.
"""

import numpy as np


def walking(torso_subtreelinvel_reading, torso_position):
    risen = np.clip((torso_position[:, 2] - 0.6) / 0.6, 0.0, 1.0)
    return np.clip(torso_subtreelinvel_reading[:, 0], 0.0, 1.0) * risen


def score(torso_subtreelinvel_reading, torso_position, horizon):
    return float(walking(torso_subtreelinvel_reading, torso_position).sum() / horizon)


def sparse(torso_subtreelinvel_reading, torso_position):
    paid = walking(torso_subtreelinvel_reading, torso_position)
    return paid, {"walking": paid}
