"""A reward's seconds are its own: what a busy machine keeps it waiting is not counted."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
import pytest

from rewardsmith.domain.job import RewardLimits
from rewardsmith.domain.survey import Signal
from rewardsmith.reward.process import RewardFailed, RewardProcess

SIGNALS = {"height": Signal(name="height", shape=(), dtype="float64", meaning="m", reader="r")}
HOGS = 8


@pytest.fixture
def crowded() -> Iterator[None]:
    """This process and whatever it starts have one processor, which others want, too."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    hogs = [subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) for _ in range(HOGS)]
    yield
    for each in hogs:
        each.kill()
        each.wait()
    os.sched_setaffinity(0, before)


def asked(turns: int, seconds: float) -> float:
    """Seconds of the clock that a reward took which goes round `turns` times."""
    source = (
        f"def compute_reward(height):\n    for i in range({turns}): pass\n    return height, {{'height': height}}\n"
    )
    with RewardProcess(source, SIGNALS, limits=RewardLimits(seconds=seconds)) as process:
        began = time.monotonic()
        process.ask({"height": np.zeros((1, 1))}, np.ones((1, 1), bool))
        return time.monotonic() - began


def turns_of(seconds: float) -> int:
    """Turns that take about so many seconds of a processor."""
    began = time.process_time()
    for _ in range(1_000_000):
        pass
    return int(1_000_000 * seconds / (time.process_time() - began))


@pytest.mark.usefixtures("crowded")
def test_a_reward_that_is_kept_waiting_is_waited_for():
    assert asked(turns_of(0.2), seconds=1.0) > 1.0, "it had the processor for itself"


@pytest.mark.usefixtures("crowded")
def test_its_own_seconds_end_all_the_same():
    with pytest.raises(RewardFailed) as stopped:
        asked(10**12, seconds=0.2)
    assert stopped.value.failure.kind == "timeout"
