"""Every attack of `tests/attacks`, by reward processes that are born in a container."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "attacks"))
from attack import attacks
from sandboxed import inside
from test_containment import HONEST_SOURCE, compare, told

from rewardsmith.domain.sandbox import SandboxSpec


@pytest.mark.usefixtures("worker_image")
def test_a_reward_process_born_in_a_container(tmp_path: Path) -> None:
    some = attacks()
    compare(inside(SandboxSpec(name="docker", kind="docker"), told(some), HONEST_SOURCE, tmp_path, "python3"), some)
