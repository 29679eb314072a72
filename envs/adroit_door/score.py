"""Mean angle of the door; a success ends with the door open by 1.35 rad or more.

The threshold is the environment's own, of Rajeswaran et al. (2018), Learning Complex Dexterous Manipulation.
"""


def score(door_hinge_angle, horizon):
    return float(door_hinge_angle.sum() / horizon)


def success(door_hinge_angle):
    return bool(door_hinge_angle[-1] >= 1.35)


def sparse(door_hinge_angle):
    return door_hinge_angle, {"opening": door_hinge_angle}
