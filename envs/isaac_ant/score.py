"""Mean speed at which the distance to a target 1000 m ahead falls; after a fall nothing more is gained.

F of EUREKA (Ma et al., 2024, appendix B) on this robot, per second: the previous distance minus the present one.
"""

import numpy as np

TARGET = np.array([1000.0, 0.0])


def distance(torso_position):
    return np.linalg.norm(torso_position[:, :2] - TARGET, axis=1)


def score(torso_position, horizon, dt):
    away = distance(torso_position)
    return float((away[0] - away[-1]) / (horizon * dt))


def sparse(torso_position, prev_torso_position):
    progress = distance(prev_torso_position) - distance(torso_position)
    return progress, {"progress": progress}
