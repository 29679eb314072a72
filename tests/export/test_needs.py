"""What an exported file says it needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.export.handing import needs

FOLDERS = find_folders(here=Path(__file__).resolve().parents[2])


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("ant", "numpy, gymnasium[mujoco]"),
        ("adroit_pen", "numpy, gymnasium[mujoco], gymnasium_robotics"),
        ("dm_cheetah_run", "pip install 'rewardsmith[dm-control]': rewardsmith.environments.dm_control registers"),
        ("metaworld_drawer_open", "rewardsmith, and what the interpreter 'metaworld' of the task holds"),
        ("playground_cheetah_run", "CheetahRun is no Gymnasium environment, and make does not reach it"),
    ],
)
def test_a_file_says_what_its_environment_needs(task: str, said: str) -> None:
    assert said in needs(load_task(task, FOLDERS), {"mujoco": "4.0.0"})
