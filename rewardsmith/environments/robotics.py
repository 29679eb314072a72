"""Gymnasium-Robotics under MuJoCo 4: `gymnasium.make("rewardsmith.environments.robotics:FetchReachDense-v4")`.

Importing this module registers its ids. Gymnasium-Robotics 1.4.2 asks whether a joint's type is `in (HINGE, SLIDE)`;
the types of MuJoCo 4 never equal a NumPy number from the left, so that every robot with joints is refused. Its helpers
get the same types as plain numbers here.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gymnasium_robotics.utils.mujoco_utils as helpers
import mujoco


def _as_numbers(kind: Any) -> SimpleNamespace:
    return SimpleNamespace(**{name: int(member) for name, member in kind.__members__.items()})


helpers.mujoco = SimpleNamespace(**{**vars(mujoco), "mjtJoint": _as_numbers(mujoco.mjtJoint)})
