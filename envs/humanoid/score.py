"""Mean forward speed over the whole horizon; after a fall nothing more is added.

Per second what EUREKA (Ma et al., 2024) measures per step on this robot: the distance gained.
"""


def score(x_velocity, horizon):
    return float(x_velocity.sum() / horizon)


def sparse(x_velocity):
    return x_velocity, {"forward_speed": x_velocity}
