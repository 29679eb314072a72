"""Minus the mean distance from the point at which to hover; after a crash it counts as 3 m, where an episode ends.

F of EUREKA (Ma et al., 2024, appendix B) on this robot: minus the present distance.
"""

import numpy as np

TARGET = np.array([0.0, 0.0, 1.0])
FAR = 3.0


def distance(position):
    return np.minimum(np.linalg.norm(position - TARGET, axis=1), FAR)


def score(position, horizon):
    away = distance(position)
    return float(-(away.sum() + FAR * (horizon - len(away))) / horizon)


def sparse(position):
    nearness = FAR - distance(position)
    return nearness, {"nearness": nearness}
