"""Mean height of the torso over the whole horizon: it rises with standing up sooner, higher and for longer."""


def score(torso_position, horizon):
    return float(torso_position[:, 2].sum() / horizon)


def success(torso_position):
    return bool(torso_position[-100:, 2].min() > 1.2)


def sparse(torso_position):
    height = torso_position[:, 2]
    return height, {"height": height}
