"""How far trainings are is told while they run: soon for one, and with few writes for many."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from rewardsmith.domain.events import Attempt
from rewardsmith.domain.job import Progress
from rewardsmith.executors.executor import Done, Running
from rewardsmith.search.following import PROGRESS_S, Following

LASTS_S = 60.0


class Clocked:
    """Trainings that get on with every look, a journal that remembers its writes, and a clock that sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waiting = 0
        self.writes: list[tuple[float, tuple]] = []

    def poll(self, folder: Path) -> Running | Done:
        if self.now >= LASTS_S:
            return Done(folder)
        return Running(Progress(steps=int(1000 * self.now) + 1, of=10**6, steps_per_second=1000.0))

    async def append(self, *events) -> None:
        self.writes.append((self.now, events))

    async def sleep(self, seconds: float) -> None:
        self.now += seconds / self.waiting
        await asyncio.sleep(0)


@pytest.mark.parametrize("trainings", [1, 16])
def test_all_of_a_run_are_told_of_in_one_write(trainings):
    world = Clocked()
    world.waiting = trainings
    following = Following(world, world, sleep=world.sleep, clock=lambda: world.now)
    attempts = [Attempt(purpose="search", subject=f"g1c{n:02}", seed=7) for n in range(trainings)]

    async def all_of_them() -> None:
        await asyncio.gather(*(following.follow(each, Path(each.subject)) for each in attempts))

    asyncio.run(all_of_them())
    assert world.writes[0][0] < 1.0
    assert LASTS_S / PROGRESS_S - 2 <= len(world.writes) <= LASTS_S / PROGRESS_S + 1
    for attempt in attempts:
        told = [event.progress.steps for _, events in world.writes for event in events if event.attempt == attempt]
        assert len(told) >= LASTS_S / PROGRESS_S - 3
        assert told == sorted(set(told))
