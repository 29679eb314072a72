"""Functions that a prompt offers to rewards; a reward that calls one carries its source.

Each works on rows: the first axis of every argument and of the answer is N.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = Any
"""An array of float64."""


def distance_between(a: Array, b: Array) -> Array:
    """Distance of two points, each (N, 2) or (N, 3), in m: (N,)."""
    return np.sqrt(np.square(a - b).sum(axis=-1))


def tilt_of(up: Array) -> Array:
    """Angle of an `up` (N, 3) from the vertical, in rad: (N,); 0 is upright, pi upside down."""
    return np.arccos(np.clip(up[:, 2], -1.0, 1.0))


def wrap_angle(angle: Array) -> Array:
    """An angle in rad brought between -pi and pi: a difference of two angles is taken the short way round."""
    return np.arctan2(np.sin(angle), np.cos(angle))


def roll_pitch_yaw_of(quaternion: Array) -> Array:
    """Turns about the world's x, then y, then z axis that make a quaternion (N, 4), in rad: (N, 3)."""
    w, x, y, z = quaternion[:, 0], quaternion[:, 1], quaternion[:, 2], quaternion[:, 3]
    roll = np.arctan2(2.0 * (w * x + y * z), 1.0 - 2.0 * (x * x + y * y))
    pitch = np.arcsin(np.clip(2.0 * (w * y - z * x), -1.0, 1.0))
    yaw = np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
    return np.stack([roll, pitch, yaw], axis=1)


def to_world(vector: Array, quaternion: Array) -> Array:
    """A vector (N, 3) in the axes of a body with this quaternion (N, 4), in world axes: (N, 3).

    A point fixed to a body lies at `body.position + to_world(offset, body.quaternion)`.
    """
    w, axis = quaternion[:, :1], quaternion[:, 1:]
    across = 2.0 * np.cross(axis, vector)
    return vector + w * across + np.cross(axis, across)


def to_body(vector: Array, quaternion: Array) -> Array:
    """A vector (N, 3) in world axes, such as a velocity, in the axes of a body with this quaternion (N, 4): (N, 3)."""
    return to_world(vector, quaternion * np.array([1.0, -1.0, -1.0, -1.0]))


def angle_between(quaternion: Array, other: Array) -> Array:
    """Least angle that turns one quaternion (N, 4) into another, in rad: (N,)."""
    return 2.0 * np.arccos(np.clip(np.abs((quaternion * other).sum(axis=-1)), 0.0, 1.0))


def within(value: Array, low: float, high: float, margin: float) -> Array:
    """1 where a value (N,) lies from `low` to `high`, falling smoothly to 0.1 at `margin` outside: (N,)."""
    outside = np.maximum(np.maximum(low - value, value - high), 0.0) / margin
    return np.exp(np.log(0.1) * np.square(outside))
