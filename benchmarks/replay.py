"""Searches replayed on recorded learning curves: the search's own race, ledger and confirmation, in virtual time.

A replay deals the recorded candidates of a task in an order drawn from its seed, K to a generation, and trains them by
looking their curves up. One recorded training seed, drawn too, is the search's, another one the comparison's, and what
is left judges the winner: its score there is what the search was worth. What the archive speaks against is trained
last; nobody repairs it. Nothing else is simulated: who goes on, who is stopped, what a limit leaves room for and who is
compared is decided by the code that decides it in a run.
"""

from __future__ import annotations

import asyncio
import functools
import random
import selectors
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from benchmarks.recorded import Curve, Curves, archive
from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.events import Attempt, AttemptEnded, AttemptStarted, Event, Purpose, Screened, StoredEvent
from rewardsmith.domain.job import RewardSpec
from rewardsmith.domain.plan import RunSpec, StopSpec
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.report import Report, Rung
from rewardsmith.domain.run import Run
from rewardsmith.domain.task import Task
from rewardsmith.search.confirming import confirm
from rewardsmith.search.ledger import Ledger, most_training_steps
from rewardsmith.search.racing import Race
from rewardsmith.search.slots import Priority, Slots

SECONDS_PER_STEP = 350e-6
START_S = 4.0
T = TypeVar("T")


@dataclass(frozen=True)
class Outcome:
    """What one replayed search came to."""

    winner: str
    worth: float
    """Score of the winner on training seeds that the search never saw."""
    search_max: float
    """Highest score of the search itself."""
    steps: int
    """Environment steps of search and comparison, scoring too."""
    stopped: tuple[str, ...]
    """Candidates that were stopped early."""
    wrong: tuple[str, ...]
    """Those of them that would have been among the two best of the search."""
    busy: float
    """Share of the slots' time from the first training to the last that was spent on training."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer instead of waiting for it."""

    def __init__(self) -> None:
        super().__init__(_Jumping())
        self._selector: _Jumping

    def time(self) -> float:
        """Seconds since its beginning, waited by nobody."""
        return self._selector.now


class _Jumping(selectors.SelectSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout:
            self.now += timeout
        return super().select(0)


class FoldedJournal:
    """A run whose events are folded and kept nowhere."""

    def __init__(self, run: Run) -> None:
        self.run = run

    async def append(self, *events: Event) -> None:
        """Fold events."""
        now = asyncio.get_running_loop().time()
        for event in events:
            self.run.apply(StoredEvent(id=self.run.last_event + 1, time=now, event=event))


class LookedUp:
    """Trainings that are looked up."""

    def __init__(
        self, curves: Curves, journal: FoldedJournal, slots: int, seeds: dict[str, str], ledger: Ledger
    ) -> None:
        self._curves, self._journal, self._seeds, self._ledger = curves, journal, seeds, ledger
        self._slots = Slots(slots)
        self.spans: list[tuple[float, float]] = []

    async def report(
        self,
        purpose: Purpose,
        subject: str,
        seed: int,
        reward: RewardSpec,
        *,
        priority: Priority,
        admit: Callable[[], Awaitable[bool]] | None = None,
        until: int | None = None,
    ) -> Report | None:
        """See `rewardsmith.search.training.Trainings.report`."""
        run, key = self._journal.run, (purpose, subject, seed)
        if report := run.reached(key, until):
            return report
        async with self._slots.take(priority):
            if (admit and not await admit()) or self._ledger.claim(run, key, until):
                return run.reached(key, until)
            curve = self._curves.candidates[reward.reward_id][self._seeds[purpose]]
            report = _report(reward.reward_id, seed, curve, until or self._curves.rungs, self._curves.episodes)
            before = run.paused.get(key)
            taken = report.steps + report.scoring_steps - (before.steps + before.scoring_steps if before else 0)
            attempt = Attempt(purpose=purpose, subject=subject, seed=seed, number=run.tries.get(key, 0), until=until)
            await self._journal.append(AttemptStarted(attempt=attempt))
            begun = asyncio.get_running_loop().time()
            await self.train(attempt, taken)
            self.spans.append((begun, asyncio.get_running_loop().time()))
            await self._journal.append(AttemptEnded(attempt=attempt, report=report))
        return report

    async def train(self, attempt: Attempt, steps: int) -> None:
        """Let as much time pass as a training of so many steps takes."""
        del attempt
        await asyncio.sleep(START_S + steps * SECONDS_PER_STEP)


def _report(reward: str, seed: int, curve: Curve, rungs: int, episodes: int) -> Report:
    rungs = min(rungs, len(curve.steps))
    means = curve.scores[:rungs]
    return Report(
        reward_id=reward,
        seed=seed,
        steps=curve.steps[rungs - 1],
        scoring_steps=sum(curve.scoring[:rungs]),
        wall_s=0.0,
        steps_per_second=1 / SECONDS_PER_STEP,
        rungs=tuple(
            Rung(steps=steps, scores=(mean,) * episodes, mean=mean, lengths=(1,) * episodes)
            for steps, mean in zip(curve.steps, means, strict=False)
        ),
        best_rung=means.index(max(means)),
    )


@dataclass(frozen=True)
class Method:
    """One way to search."""

    name: str
    recipe: Recipe
    k: int = 4
    generations: int = 3
    share: float = 1.0
    """Of the environment steps that training every candidate in full takes."""


def replay(curves: Curves, method: Method, seed: int, *, workers: int = 2) -> Outcome:
    """One search, drawn by `seed`."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(_search(curves, method, random.Random(seed), workers))
    finally:
        loop.close()


async def _search(curves: Curves, method: Method, generator: random.Random, workers: int) -> Outcome:
    dealt = generator.sample(sorted(curves.candidates), method.k * method.generations)
    if len(curves.seeds) < 3:
        raise SystemExit(f"{curves.task}: a search, a comparison and a judge need curves of three seeds")
    search, compare, *rest = generator.sample(curves.seeds, len(curves.seeds))
    spec = spec_of_replay(curves, method, workers)
    run = Run(spec=spec)
    journal: Any = FoldedJournal(run)
    ledger = Ledger(spec, method.recipe)
    trainings: Any = LookedUp(
        curves, journal, workers, {"search": search, "compare": compare, "confirm": rest[0]}, ledger
    )
    race = Race(spec, method.recipe, journal, trainings, lambda: ledger.reason(run))
    for generation in range(1, method.generations + 1):
        names = dealt[(generation - 1) * method.k : generation * method.k]
        judged = partial(archive(curves.task, spec.task.environment.horizon).judgement, run, generation)
        candidates = [
            Candidate(
                generation=generation,
                slot=slot,
                origin="proposed",
                source=name,
                reward_id=name,
                judgement=judged(name) if method.recipe.screen.archive else None,
            )
            for slot, name in enumerate(names)
        ]
        await journal.append(*(Screened(candidate=candidate) for candidate in candidates))
        await asyncio.gather(*(race.train(candidate) for candidate in candidates))
        await race.together(candidates)
    spans = list(trainings.spans)
    await confirm(journal, spec, method.recipe, trainings)
    steps = run.usage().steps - sum(r.steps + r.scoring_steps for key, r in run.reports.items() if key[0] == "confirm")
    assert run.confirmed is not None
    winner = run.candidates[run.confirmed.winner]
    assert winner.reward_id is not None
    scores = {name: curves.candidates[name][search].score for name in dealt}
    top = sorted(scores, key=lambda name: -scores[name])[:2]
    stopped = [c for c in run.candidates.values() if (raced := run.raced.get(c.id)) and not raced.goes_on]
    names_stopped = tuple(c.reward_id or "" for c in stopped)
    begun, ended = min(a for a, _ in spans), max(b for _, b in spans)
    return Outcome(
        winner=winner.reward_id,
        worth=curves.quality(winner.reward_id, tuple(rest)),
        search_max=max(turn.score for turn in run.turns() if turn.score is not None),
        steps=steps,
        stopped=names_stopped,
        wrong=tuple(name for name in names_stopped if name in top),
        busy=sum(b - a for a, b in spans) / (workers * (ended - begun)),
    )


@functools.cache
def _task(name: str) -> Task:
    return load_task(name, find_folders())


def spec_of_replay(curves: Curves, method: Method, workers: int) -> RunSpec:
    task = _task(curves.task)
    budget = task.budgets["quick"].model_copy(
        update={"steps": curves.steps, "rungs": curves.rungs, "episodes": curves.episodes, "confirm_seeds": 1}
    )
    spec = RunSpec(
        run="replay",
        task=task,
        budget_name="quick",
        budget=budget,
        recipe=method.recipe.name,
        recipe_files={},
        model="recorded",
        iterations=method.generations,
        k=method.k,
        baselines=(),
        workers=workers,
    )
    if method.share == 1.0:
        return spec
    whole = [curve.steps[-1] + sum(curve.scoring) for seeds in curves.candidates.values() for curve in seeds.values()]
    each = sum(whole) / len(whole)
    most = method.share * each * method.k * method.generations
    confirmation = most_training_steps(spec, "confirm")  # which every method has alike, and is not counted
    return spec.model_copy(update={"stop": StopSpec(steps=int(most + confirmation))})
