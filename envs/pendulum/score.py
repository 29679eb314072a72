"""Share of the horizon within 8 degrees of upright, the tolerance of dm_control's pendulum swing-up.

The observation is (cosine of the angle from upright, sine of it, angular velocity).
"""

import numpy as np

NEAR = np.cos(np.deg2rad(8.0))


def score(observation, horizon):
    return float(np.sum(observation[:, 0] >= NEAR) / horizon)


def success(observation):
    return bool(np.all(observation[-50:, 0] >= NEAR))


def sparse(observation):
    upright = np.where(observation[:, 0] >= NEAR, 1.0, 0.0)
    return upright, {"upright": upright}
