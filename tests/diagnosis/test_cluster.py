"""What doctor says of a cluster."""

from __future__ import annotations

from pathlib import Path

from rewardsmith.diagnosis.cluster import look_at_cluster
from rewardsmith.domain.cluster import RaySpec
from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.settings import Settings

PROCESS = SandboxSpec(name="process", kind="process")


def test_nothing_where_this_machine_trains(tmp_path: Path) -> None:
    assert look_at_cluster(Settings(runs=tmp_path), PROCESS) == []


def test_one_that_is_down_is_missing_and_says_where(tmp_path: Path) -> None:
    settings = Settings(runs=tmp_path, executor="ray", ray=RaySpec(address="http://127.0.0.1:9"))
    (line,) = look_at_cluster(settings, PROCESS)
    assert (line.name, line.ok, line.needed) == ("Ray", False, True)
    assert "http://127.0.0.1:9 cannot be reached" in line.detail
