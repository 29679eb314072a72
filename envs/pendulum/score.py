"""Share of the horizon within 8 degrees of upright, the tolerance of dm_control's pendulum swing-up."""

import numpy as np

NEAR = np.cos(np.deg2rad(8.0))


def score(upright_cosine, horizon):
    return float(np.sum(upright_cosine >= NEAR) / horizon)


def success(upright_cosine):
    return bool(np.all(upright_cosine[-50:] >= NEAR))


def sparse(upright_cosine):
    upright = np.where(upright_cosine >= NEAR, 1.0, 0.0)
    return upright, {"upright": upright}
