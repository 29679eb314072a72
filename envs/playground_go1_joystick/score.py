"""Minus the mean squared error of the commanded velocities; after a fall the robot counts as standing still.

It is F of EUREKA (Ma et al., 2024, appendix B) for the same task on another robot.
"""

import numpy as np


def error(local_linvel_reading, gyro_reading, command):
    linear = np.square(command[:, :2] - local_linvel_reading[:, :2]).sum(axis=1)
    return linear + np.square(command[:, 2] - gyro_reading[:, 2])


def score(local_linvel_reading, gyro_reading, command, horizon):
    off = error(local_linvel_reading, gyro_reading, command)
    still = np.square(command[-1]).sum() * (horizon - len(off))
    return float(-(off.sum() + still) / horizon)


def sparse(local_linvel_reading, gyro_reading, command):
    off = error(local_linvel_reading, gyro_reading, command)
    return -off, {"tracking": -off}
