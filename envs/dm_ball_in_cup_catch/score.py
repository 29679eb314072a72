"""Share of the time in which the ball is inside the cup's target zone, which is 10 cm wide; the ball is 5 cm wide.

The zone is that of Tassa et al. (2018), DeepMind Control Suite.
"""

import numpy as np


def caught(ball_position, target_position):
    return np.where((np.abs(ball_position - target_position)[:, [0, 2]] < 0.025).all(axis=1), 1.0, 0.0)


def score(ball_position, target_position, horizon):
    return float(caught(ball_position, target_position).sum() / horizon)


def success(ball_position, target_position):
    return bool(caught(ball_position, target_position)[-1])


def sparse(ball_position, target_position):
    paid = caught(ball_position, target_position)
    return paid, {"caught": paid}
