"""Minus the mean distance between fingertip and target; a success ends within the two radii of both, 2 cm."""

import numpy as np


def distance(fingertip_position, target_position):
    return np.linalg.norm(fingertip_position - target_position, axis=1)


def score(fingertip_position, target_position, horizon):
    return float(-distance(fingertip_position, target_position).sum() / horizon)


def success(fingertip_position, target_position):
    return bool(distance(fingertip_position, target_position)[-1] < 0.02)


def sparse(fingertip_position, target_position):
    nearness = -distance(fingertip_position, target_position)
    return nearness, {"nearness": nearness}
