"""Trainings share GPUs in stated fractions."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rewardsmith.executors.gpus import GpuShares, gpus_here, side_by_side


def test_each_attempt_gets_the_gpu_of_which_most_is_left() -> None:
    shares = GpuShares(("0", "1"))
    attempts = [Path(str(number)) for number in range(4)]
    assert [shares.take(attempt, 0.5) for attempt in attempts] == ["0", "1", "0", "1"]
    shares.give_back(attempts[1])
    shares.give_back(attempts[1])
    assert shares.take(Path("next"), 0.25) == "1"
    assert shares.take(Path("of no GPU"), 0.0) is None
    assert GpuShares(()).take(Path("where there is none"), 0.5) is None


@pytest.mark.parametrize(
    ("gpus", "share", "most"),
    [(("0",), 0.25, 4), (("0", "1"), 0.3, 6), (("0",), 0.1, 8), (("0",), 2.0, 1), ((), 0.25, 8), (("0",), 0.0, 8)],
)
def test_as_many_run_side_by_side_as_there_are_shares(gpus: tuple[str, ...], share: float, most: int) -> None:
    executor: Any = SimpleNamespace(slots=8, gpus=gpus)
    assert side_by_side(executor, share) == most
    assert side_by_side(SimpleNamespace(slots=8), share) == 8, "whoever counts GPUs itself"  # type: ignore[arg-type]


def test_gpus_are_those_that_are_named_or_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("nvidia1", "nvidia0", "nvidia10", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpus_here(tmp_path) == ("0", "1", "10")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, 3")
    assert gpus_here(tmp_path) == ("2", "3")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert gpus_here(tmp_path) == ()
