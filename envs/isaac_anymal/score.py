"""Minus the mean squared error of the commanded velocities; after a fall the robot counts as standing still.

F of EUREKA (Ma et al., 2024, appendix B) here: minus the squared errors of the linear and of the angular velocity.
"""

import numpy as np


def in_base(quaternion, vector):
    """The world's `vector` in the axes of the base; `quaternion` is (w, x, y, z)."""
    axis, real = quaternion[:, 1:], quaternion[:, :1]
    along = (axis * vector).sum(axis=1, keepdims=True)
    return vector * (2.0 * real**2 - 1.0) - 2.0 * real * np.cross(axis, vector) + 2.0 * axis * along


def error(base_quaternion, base_linear_velocity, base_angular_velocity, command):
    linear = in_base(base_quaternion, base_linear_velocity)[:, :2]
    turning = in_base(base_quaternion, base_angular_velocity)[:, 2]
    return np.square(command[:, :2] - linear).sum(axis=1) + np.square(command[:, 2] - turning)


def score(base_quaternion, base_linear_velocity, base_angular_velocity, command, horizon):
    off = error(base_quaternion, base_linear_velocity, base_angular_velocity, command)
    still = np.square(command[-1]).sum() * (horizon - len(off))
    return float(-(off.sum() + still) / horizon)


def sparse(base_quaternion, base_linear_velocity, base_angular_velocity, command):
    off = error(base_quaternion, base_linear_velocity, base_angular_velocity, command)
    return -off, {"tracking": -off}
