"""Gymnasium-Robotics under MuJoCo 4: its robots can be made, and move as they are told."""

from pathlib import Path

import numpy as np
import pytest

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.worker.backends.gymnasium import make

pytest.importorskip("gymnasium_robotics", reason="needs pip install 'rewardsmith[robotics]'")

FOLDERS = find_folders(here=Path(__file__).resolve().parents[2])
NAMES = ("fetch_reach", "fetch_slide", "adroit_door", "franka_kitchen")


@pytest.mark.parametrize("name", NAMES)
def test_equal_seeds_and_actions_give_equal_episodes(name: str) -> None:
    seen = []
    for _ in range(2):
        env = make(load_task(name, FOLDERS))
        env.action_space.seed(3)
        env.reset(seed=3)
        rows = [env.step(env.action_space.sample())[0] for _ in range(5)]
        seen.append([np.concatenate([*row.values()]) if isinstance(row, dict) else row for row in rows])
        env.close()
    np.testing.assert_array_equal(seen[0], seen[1])
    assert np.abs(seen[0][-1] - seen[0][0]).max() > 1e-3


def test_the_arm_follows_its_mocap_body() -> None:
    """Each step moves the gripper by up to 5 cm along the action: its weld to the mocap body is found as such."""
    env = make(load_task("fetch_reach", FOLDERS))
    start = env.reset(seed=0)[0]["achieved_goal"]
    for _ in range(5):
        end = env.step(np.array([0.0, 0.0, 1.0, 0.0], dtype=np.float32))[0]["achieved_goal"]
    env.close()
    assert end[2] - start[2] > 0.05
    assert np.abs(end - start)[:2].max() < 0.03


def test_a_joint_that_is_no_hinge_is_still_told_apart() -> None:
    env = make(load_task("fetch_push", FOLDERS))
    from gymnasium_robotics.utils import mujoco_utils

    inner = env.unwrapped
    block = mujoco_utils.get_joint_qpos(inner.model, inner.data, "object0:joint")
    finger = mujoco_utils.get_joint_qpos(inner.model, inner.data, "robot0:l_gripper_finger_joint")
    env.close()
    assert (block.shape, finger.shape) == ((7,), (1,))
