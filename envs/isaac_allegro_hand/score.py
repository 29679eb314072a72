"""Goals reached in an episode: steps that end with the object within 0.1 rad of its goal, which is then drawn anew.

F of EUREKA (Ma et al., 2024, appendix B) on this hand: the number of consecutive successes, each within 0.1 rad.
"""

import numpy as np

TOLERANCE = 0.1


def angle(object_quaternion, goal_quaternion):
    alignment = np.abs((object_quaternion * goal_quaternion).sum(axis=1))
    return 2.0 * np.arccos(np.clip(alignment, 0.0, 1.0))


def score(object_quaternion, goal_quaternion):
    return float((angle(object_quaternion, goal_quaternion) <= TOLERANCE).sum())


def sparse(object_quaternion, goal_quaternion):
    reached = np.where(angle(object_quaternion, goal_quaternion) <= TOLERANCE, 1.0, 0.0)
    return reached, {"reached": reached}
