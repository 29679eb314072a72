"""How much of the four jobs is done, on average over the episode; a success ends with all four within 0.3 of the goal.

Goals and threshold are those of Gupta et al. (2019), Relay Policy Learning, and of D4RL's kitchen-complete.
"""

import numpy as np

KETTLE = np.array([-0.23, 0.75, 1.62, 0.99, 0.0, 0.0, -0.06])
LIGHT = np.array([-0.69, -0.05])
CLOSE = 0.3


def distances(microwave_angle, kettle_pose, light_switch_angle, light_joint_displacement, slide_cabinet_displacement):
    """Shape (N, 4), with the distance at which each of them starts."""
    light = np.stack([light_switch_angle, light_joint_displacement], axis=1)
    each = [
        np.abs(microwave_angle + 0.75),
        np.linalg.norm(kettle_pose - KETTLE, axis=1),
        np.linalg.norm(light - LIGHT, axis=1),
        np.abs(slide_cabinet_displacement - 0.37),
    ]
    return np.stack(each, axis=1), np.array([0.75, 0.41, 0.69, 0.37])


def progress(microwave_angle, kettle_pose, light_switch_angle, light_joint_displacement, slide_cabinet_displacement):
    """Shape (N, 4): 0 where it stood, 1 at its goal."""
    left, whole = distances(
        microwave_angle, kettle_pose, light_switch_angle, light_joint_displacement, slide_cabinet_displacement
    )
    return np.clip(1.0 - left / whole, 0.0, 1.0)


def score(
    microwave_angle, kettle_pose, light_switch_angle, light_joint_displacement, slide_cabinet_displacement, horizon
):
    done = progress(
        microwave_angle, kettle_pose, light_switch_angle, light_joint_displacement, slide_cabinet_displacement
    )
    return float(done.mean(axis=1).sum() / horizon)


def success(microwave_angle, kettle_pose, light_switch_angle, light_joint_displacement, slide_cabinet_displacement):
    left, _ = distances(
        microwave_angle, kettle_pose, light_switch_angle, light_joint_displacement, slide_cabinet_displacement
    )
    return bool((left[-1] < CLOSE).all())


def sparse(microwave_angle, kettle_pose, light_switch_angle, light_joint_displacement, slide_cabinet_displacement):
    done = progress(
        microwave_angle, kettle_pose, light_switch_angle, light_joint_displacement, slide_cabinet_displacement
    )
    names = ("microwave", "kettle", "light", "cabinet")
    return done.mean(axis=1), {name: done[:, i] / 4 for i, name in enumerate(names)}
