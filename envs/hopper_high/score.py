"""Mean height of the torso above where it stands at the start, over the whole horizon; lower counts as zero.

The measure of the jumping objective of mo-gymnasium's hopper, cut off below so that a fall never pays.
"""

import numpy as np

STANDING = 1.25


def score(torso_position, horizon):
    return float(np.maximum(torso_position[:, 2] - STANDING, 0.0).sum() / horizon)


def sparse(torso_position):
    rise = np.maximum(torso_position[:, 2] - STANDING, 0.0)
    return rise, {"rise": rise}
