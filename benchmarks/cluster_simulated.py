"""A cluster in virtual time, for `benchmarks.scaling`: its slots and nodes that die, its head, drivers and database."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from benchmarks.replay import SECONDS_PER_STEP, LookedUp
from rewardsmith.domain.events import Attempt
from rewardsmith.executors.ray_looks import LOOK_S, MANY, SELDOM_S, SHARE, WORTH
from rewardsmith.search.following import PROGRESS_S

NOTICE_NODE_S = 17.0
HOUR = 3600.0


class Server:
    """One after another; remembers for how long it was at work."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self.busy_s = 0.0

    async def serve(self, seconds: float) -> None:
        """Wait for one's turn, and take so long."""
        async with self._turn:
            self.busy_s += seconds
            await asyncio.sleep(seconds)


@dataclass
class Site:
    """A cluster, its head, and the database of all runs."""

    measured: dict[str, Any]
    slots: int
    database: str
    fail_hours: float
    """Between two deaths of the node that a training is on."""
    times: float
    generator: random.Random
    drivers: list[Driver] = field(default_factory=list)
    head: Server = field(default_factory=Server)
    store: Server = field(default_factory=Server)
    trained_s: float = 0.0
    trainings: int = 0
    lost: int = 0

    def __post_init__(self) -> None:
        self._room = asyncio.Semaphore(self.slots)

    def draw(self, name: str) -> float:
        """Seconds that one of the measured trainings took for this."""
        return float(self.generator.choice(self.measured["trainings"][name]))

    @property
    def event_s(self) -> float:
        """Of the store, with many writers at once."""
        return 1.0 / float(self.measured[self.database]["events_per_s_together"])

    @asynccontextmanager
    async def room(self) -> AsyncIterator[None]:
        """A slot of the cluster: who was submitted first is first."""
        await self.head.serve(1.0 / float(self.measured["head"]["looks_per_s"]))
        async with self._room:
            yield


class Driver:
    """The one process that drives a run."""

    def __init__(self, site: Site) -> None:
        books = site.measured["bookkeeping"]
        self.site, self.work = site, Server()
        self.events = books["events"] / books["k"]
        self.training_s = books["processor_s"] / books["k"]
        self.look_s = float(site.measured["head"]["look_processor_s"])
        self.told_per_s = float(site.measured[site.database]["told_per_s_together"])
        self.under_way = 0
        self.looked_s = 0.0

    @property
    def looking(self) -> float:
        """Share of its time that it spends on looking at jobs, at most."""
        return min(0.95, self.under_way * self.look_s / LOOK_S)

    def notices_s(self, followed_s: float) -> float:
        """How long the end of a job stays unnoticed at most that has been followed for so long."""
        return max(_pause(followed_s), self.under_way * self.look_s)

    def looks(self, followed_s: float) -> None:
        """What following one job for so long takes of it and the head: its share of lists, or looks of its own."""
        head, everybody = self.site.measured["head"], sum(driver.under_way for driver in self.site.drivers)
        if self.under_way >= MANY and everybody <= WORTH * self.under_way:
            listed = followed_s / LOOK_S * everybody / self.under_way
            self.looked_s += listed * head["listed_processor_s"]
            self.site.head.busy_s += listed / head["listed_per_s"]
        else:
            looked = looks_at(followed_s)
            self.looked_s += looked * self.look_s
            self.site.head.busy_s += looked / head["looks_per_s"]

    async def account(self) -> None:
        """What a training costs it and the store."""
        await self.work.serve(self.training_s / (1 - self.looking))
        for _ in range(round(self.events)):
            await self.site.store.serve(self.site.event_s)


class Trained(LookedUp):
    """Recorded trainings on the nodes of a site."""

    def __init__(self, *looked_up: Any, driver: Driver, rungs: int) -> None:
        super().__init__(*looked_up)
        self._driver, self._site, self._rungs = driver, driver.site, rungs

    async def train(self, attempt: Attempt, steps: int) -> None:
        """Submit, wait, load, train, lose a node now and then, be noticed, be written down."""
        del attempt
        site, driver = self._site, self._driver
        seconds = steps * SECONDS_PER_STEP * site.times
        rung = seconds / self._rungs
        while seconds > 0:
            site.trainings += 1
            driver.under_way += 1
            begun = asyncio.get_running_loop().time()
            await asyncio.sleep(site.draw("submit"))
            async with site.room():
                fails = site.generator.expovariate(1 / (site.fail_hours * HOUR))
                waits = site.draw("queue") + site.draw("load")
                if fails < waits + seconds:
                    site.lost += 1
                    await asyncio.sleep(fails + NOTICE_NODE_S)
                    done = max(0.0, fails - waits) // rung * rung
                    seconds, trained = seconds - done, done
                else:
                    await asyncio.sleep(waits + seconds)
                    seconds, trained = 0.0, seconds
            site.trained_s += trained
            site.store.busy_s += trained / PROGRESS_S / driver.told_per_s
            followed = asyncio.get_running_loop().time() - begun
            await asyncio.sleep(site.generator.uniform(0, driver.notices_s(followed)))
            driver.looks(followed)
            driver.under_way -= 1
            await driver.account()


def _pause(followed_s: float) -> float:
    """Between two looks at a job; see `rewardsmith.executors.ray_looks`."""
    return min(SELDOM_S, max(LOOK_S, SHARE * followed_s))


def looks_at(followed_s: float) -> int:
    at, count = 0.0, 0
    while at < followed_s:
        at, count = at + _pause(at), count + 1
    return count
