"""Mean cosine between pen and target; a success ends with more than 0.95, the pen within 7.5 cm of its place.

Both thresholds are the environment's own, of Rajeswaran et al. (2018), Learning Complex Dexterous Manipulation.
"""

import numpy as np


def direction(top, bottom):
    along = top - bottom
    return along / np.linalg.norm(along, axis=1, keepdims=True)


def alignment(
    object_top_position,
    object_bottom_position,
    target_top_position,
    target_bottom_position,
    Object_position,
    eps_ball_position,
):
    pen = direction(object_top_position, object_bottom_position)
    target = direction(target_top_position, target_bottom_position)
    held = np.linalg.norm(Object_position - eps_ball_position, axis=1) < 0.075
    return np.where(held, (pen * target).sum(axis=1), -1.0)


def score(
    object_top_position,
    object_bottom_position,
    target_top_position,
    target_bottom_position,
    Object_position,
    eps_ball_position,
    horizon,
):
    pen, target = (object_top_position, object_bottom_position), (target_top_position, target_bottom_position)
    return float(alignment(*pen, *target, Object_position, eps_ball_position).sum() / horizon)


def success(
    object_top_position,
    object_bottom_position,
    target_top_position,
    target_bottom_position,
    Object_position,
    eps_ball_position,
):
    pen, target = (object_top_position, object_bottom_position), (target_top_position, target_bottom_position)
    return bool(alignment(*pen, *target, Object_position, eps_ball_position)[-1] > 0.95)


def sparse(
    object_top_position,
    object_bottom_position,
    target_top_position,
    target_bottom_position,
    Object_position,
    eps_ball_position,
):
    pen, target = (object_top_position, object_bottom_position), (target_top_position, target_bottom_position)
    aligned = alignment(*pen, *target, Object_position, eps_ball_position)
    return aligned, {"aligned": aligned}
