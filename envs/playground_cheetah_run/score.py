"""Mean forward speed of the whole body, from the sensor that the suite measures it with.

Tassa et al. (2018), DeepMind Control Suite, pays up to 10 m/s.
"""


def speed(torso_subtreelinvel_reading):
    return torso_subtreelinvel_reading[:, 0]


def score(torso_subtreelinvel_reading, horizon):
    return float(speed(torso_subtreelinvel_reading).sum() / horizon)


def sparse(torso_subtreelinvel_reading):
    paid = speed(torso_subtreelinvel_reading)
    return paid, {"speed": paid}
