"""Mean turning rate of the torso's heading over the whole horizon, counter-clockwise, while it is the right way up.

The rate is taken from the heading and not from the angular velocity, which an agent could make swing in time with
the steps at which it is read.
"""

import numpy as np


def heading(quaternion):
    w, x, y, z = quaternion[:, 0], quaternion[:, 1], quaternion[:, 2], quaternion[:, 3]
    return np.arctan2(2 * (x * y + w * z), 1 - 2 * (y * y + z * z))


def turned(before, after):
    return np.remainder(heading(after) - heading(before) + np.pi, 2 * np.pi) - np.pi


def score(torso_quaternion, torso_up, dt, horizon):
    upright = torso_up[1:, 2] > 0
    return float(np.sum(turned(torso_quaternion[:-1], torso_quaternion[1:]) * upright) / (horizon * dt))


def sparse(torso_quaternion, prev_torso_quaternion, torso_up):
    rate = turned(prev_torso_quaternion, torso_quaternion) / 0.05 * (torso_up[:, 2] > 0)
    return rate, {"turning_rate": rate}
