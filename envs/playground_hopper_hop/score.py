"""Mean forward speed up to the 2 m/s that is asked for, where the torso is 0.6 m or more above the foot.

Both numbers are those of Tassa et al. (2018), DeepMind Control Suite.
"""

import numpy as np


def hopping(torso_subtreelinvel_reading, torso_position, foot_position):
    return np.where(
        torso_position[:, 2] - foot_position[:, 2] > 0.6, np.clip(torso_subtreelinvel_reading[:, 0], 0.0, 2.0), 0.0
    )


def score(torso_subtreelinvel_reading, torso_position, foot_position, horizon):
    return float(hopping(torso_subtreelinvel_reading, torso_position, foot_position).sum() / horizon)


def sparse(torso_subtreelinvel_reading, torso_position, foot_position):
    paid = hopping(torso_subtreelinvel_reading, torso_position, foot_position)
    return paid, {"hopping": paid}
