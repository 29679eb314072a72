"""Share of the horizon that is left when the car reaches the flag; the environment ends the episode there."""

import numpy as np


def score(car_position, terminated, horizon):
    return float((horizon - car_position.shape[0]) / horizon) if terminated else 0.0


def success(terminated):
    return terminated


def sparse(terminated):
    late = np.where(terminated, 0.0, -1.0)
    return late, {"late": late}
