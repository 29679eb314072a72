"""Share of the horizon before the end.

F of EUREKA (Ma et al., 2024, appendix B) on this robot: the duration, here as a share.
"""

import numpy as np


def score(action, horizon):
    return action.shape[0] / horizon


def sparse(action):
    alive = np.ones(action.shape[0])
    return alive, {"alive": alive}
