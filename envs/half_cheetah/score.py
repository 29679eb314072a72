"""Mean forward speed over the whole horizon."""


def score(x_velocity, horizon):
    return float(x_velocity.sum() / horizon)


def sparse(x_velocity):
    return x_velocity, {"forward_speed": x_velocity}
