"""Mean backward speed over the whole horizon; after a fall nothing more is added."""


def score(x_velocity, horizon):
    return float(-x_velocity.sum() / horizon)


def sparse(x_velocity):
    backward_speed = -x_velocity
    return backward_speed, {"backward_speed": backward_speed}
