"""Robots made up for tests, and what programs pay them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.domain.robot import Always, Foot, Joint, Robot
from rewardsmith.motion import program
from rewardsmith.motion.api import EVERY

FOLDERS = find_folders(here=Path(__file__).resolve().parents[2])
BARE = Always(posture=0.0, effort=0.0, alive=0.0)
FLAT = tuple(name for name in EVERY if name not in ("torso_roll", "torso_heading", "torso_turning"))


def robot(**changes) -> Robot:
    """One with everything, whose terms alone make the reward."""
    given = {
        "title": "something",
        "terms": EVERY,
        "torso": "torso",
        "height": 0.5,
        "contact": 10.0,
        "feet": {
            "left": Foot(body="shin", tip=(0.0, 0.0, -0.3), stance=(0.1, 0.2), height=0.05),
            "right": Foot(body="heel", stance=(0.1, -0.2), height=0.05),
        },
        "joints": {"knee": Joint(joint="knee", nominal=10.0, low=0.0, high=90.0)},
        "tip": "hand",
        "objects": {"ball": "ball"},
        "bullets": ("This is {a new task | a correction}.",),
        "always": BARE,
    }
    return Robot(**(given | changes))


def components(code: str, moved: Robot, rows: dict, *, step: float = 0.05, memory: float = 0.0) -> dict:
    """What a program's reward pays rows of signals, by component."""
    names: dict = {}
    exec(program.as_reward(code, moved, step=step, before={}), names)
    compute = names["compute_reward"]
    read = compute.__code__.co_varnames[: compute.__code__.co_argcount]
    arrays = {name: np.array(rows[name], dtype=np.float64) for name in read if name != "memory"}
    state = {"memory": {"time": np.full(len(next(iter(arrays.values()))), memory)}} if "memory" in read else {}
    total, paid = compute(**arrays, **state)
    np.testing.assert_allclose(total, sum(paid.values()))
    return paid
