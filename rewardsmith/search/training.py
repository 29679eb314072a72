"""Trainings of a run: each key is trained once, whatever is killed in between."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from rewardsmith.domain.events import Attempt, AttemptEnded, AttemptStarted, Purpose
from rewardsmith.domain.job import RewardLimits, RewardSpec, TrainJob
from rewardsmith.domain.plan import RunSpec
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.report import Failure, Report
from rewardsmith.domain.survey import Survey
from rewardsmith.domain.task import Budget, Task
from rewardsmith.errors import DepotAway, StoreError, WorkerFailed
from rewardsmith.executors.executor import Executor, Lost
from rewardsmith.executors.gpus import side_by_side
from rewardsmith.search.believing import check_report
from rewardsmith.search.following import Following, Sleep
from rewardsmith.search.journal import Journal
from rewardsmith.search.slots import Priority, Slots
from rewardsmith.search.surveying import fault
from rewardsmith.search.warming import warm_budget, warm_parent
from rewardsmith.store.artifacts import RunFolder
from rewardsmith.store.untrusted import read_record, read_untrusted

MAX_LOST = 3
"""Workers that may be lost over one training before the run gives up."""
_REPORT_BYTES = 16 << 20
_CURRENT_BYTES = 1 << 10
_RUNNING = -1
"""Priority of a training that runs already: before all others."""

Key = tuple[Purpose, str, int]


def train_job(
    task: Task,
    survey: Survey,
    reward: RewardSpec,
    budget: Budget,
    *,
    seed: int,
    final: bool = False,
    until: int | None = None,
    warm: bool = False,
    video: bool = False,
    unsafe: bool = False,
) -> TrainJob:
    """What a worker is told, under `budget`."""
    return TrainJob(
        task=task,
        signals=survey.signals,
        reward=reward,
        seed=seed,
        steps=budget.steps,
        rungs=budget.rungs,
        until=until,
        warm=warm,
        episodes=budget.episodes,
        final=final,
        limits=RewardLimits(unsafe=unsafe),
        video=video,
    )


def read_report(out: Path, job: TrainJob) -> Report:
    """What the worker of `job` reports in `out`. Raises StoreError when it is damaged, or cannot be true."""
    report = read_record(out, "report.json", Report, limit=_REPORT_BYTES)
    check_report(report, job)
    return report


def checkpointed(out: Path) -> bool:
    """Whether an attempt left a checkpoint in its `out`, to go on from."""
    try:
        read_untrusted(out, "checkpoint/current.json", limit=_CURRENT_BYTES)
    except StoreError:
        return False
    return True


async def stop_open(journal: Journal, executor: Executor, folder: RunFolder) -> None:
    """Stop every training of a run that is under way; each can go on from its last checkpoint.

    Raises:
        InfrastructureError: Of those that cannot be stopped now, the first one's; the others are.
    """
    attempts = list(journal.run.open.values())
    stopping = (asyncio.to_thread(executor.stop, folder.attempt(attempt)) for attempt in attempts)
    faults = await asyncio.gather(*stopping, return_exceptions=True)
    for attempt, failed in zip(attempts, faults, strict=True):
        if failed is not None:
            continue
        with contextlib.suppress(StoreError, DepotAway):  # then another host begins it anew
            await asyncio.to_thread(folder.share, attempt)
        await journal.append(AttemptEnded(attempt=attempt, report=None, lost="stopped", stopped=True))
    if first := next(filter(None, faults), None):
        raise first


class Trainings:
    """Hands trainings to the executor, follows them, and writes down what became of them.

    `claim` is asked before a training starts: a reason means that the limits of the run leave no room for it.
    """

    def __init__(
        self,
        journal: Journal,
        executor: Executor,
        folder: RunFolder,
        survey: Survey,
        recipe: Recipe,
        *,
        sleep: Sleep,
        clock: Callable[[], float],
        unsafe: bool = False,
        claim: Callable[[Key, int | None], str | None] = lambda *_: None,
    ) -> None:
        self._journal = journal
        self._executor = executor
        self._folder = folder
        self._survey = survey
        self._recipe = recipe
        self._following = Following(journal, executor, sleep=sleep, clock=clock)
        self._unsafe = unsafe
        self._claim = claim
        spec = journal.run.spec
        self._slots = Slots(side_by_side(executor, 0.0 if spec is None else spec.task.trainer.gpus))

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
        """Train `reward` on `seed` to its end or to a pause, or give the report that is there already.

        Args:
            purpose: What the training is for.
            subject: Candidate id, or the baseline's name.
            seed: Seed of the training.
            reward: What is paid.
            priority: Who gets a free slot first: the least. What runs already, from before a resume, goes before all.
            admit: Asked when a slot is free: unless it says yes nothing is started, and None is returned where there
                is no report.
            until: Rungs after which the training pauses; absent: it goes on to the end.

        Raises:
            WorkerFailed: Workers are lost whatever they train.
            ScoreRuleError, TaskError: The task is at fault; repeating it is useless.
        """
        run = self._journal.run
        key = (purpose, subject, seed)
        if report := run.reached(key, until):
            return report
        async with self._slots.take(priority if key not in run.open else lambda: (_RUNNING,)):
            if key not in run.open and ((admit and not await admit()) or self._claim(key, until)):
                return run.reached(key, until)
            while (report := run.reached(key, until)) is None:
                if run.lost.get(key, 0) >= MAX_LOST:
                    await self._give_up(Attempt(purpose=purpose, subject=subject, seed=seed), reward)
                else:
                    await self._see_through(await self._attempt(key, until), reward)
            return report

    async def stop_open(self) -> None:
        """Stop every training that is under way; each goes on from its last checkpoint when the run is resumed."""
        await stop_open(self._journal, self._executor, self._folder)

    async def _attempt(self, key: Key, until: int | None) -> Attempt:
        """The attempt to follow: the open one, unless its runner went down while nobody drove the run."""
        run = self._journal.run
        attempt = run.open.get(key)
        if attempt is not None:
            folder = self._folder.attempt(attempt)
            if not folder.exists() or not isinstance(await asyncio.to_thread(self._executor.poll, folder), Lost):
                return attempt
            reason = "its runner ended while nobody drove the run"
            await self._journal.append(AttemptEnded(attempt=attempt, report=None, lost=reason, stopped=True))
        purpose, subject, seed = key
        warm = warm_parent(run, self._recipe, purpose, subject)
        number = run.tries.get(key, 0)
        return Attempt(purpose=purpose, subject=subject, seed=seed, number=number, until=until, warm=warm)

    async def _give_up(self, attempt: Attempt, reward: RewardSpec) -> None:
        """End a training that keeps losing its worker: as its own failure where others train well, else loudly."""
        run = self._journal.run
        lost = [key for key, count in run.lost.items() if count >= MAX_LOST and key not in run.reports]
        if not run.reports or len(lost) > 1:
            log = self._folder.attempt(attempt.model_copy(update={"number": run.tries[attempt.key] - 1})) / "log.txt"
            raise WorkerFailed(
                f"{MAX_LOST} workers were lost over {attempt.subject} on seed {attempt.seed}",
                hint=f"see {log}; then `rewardsmith resume {self._spec.run}`",
            )
        message = f"its training ended {MAX_LOST} workers without a result, while others trained well"
        failure = Failure(gate="train", kind="worker_lost", message=message)
        report = Report(
            reward_id=reward.reward_id, seed=attempt.seed, steps=0, wall_s=0, steps_per_second=0, failure=failure
        )
        await self._journal.append(AttemptEnded(attempt=attempt, report=report))

    @property
    def _spec(self) -> RunSpec:
        assert self._journal.run.spec is not None
        return self._journal.run.spec

    def _job(self, attempt: Attempt, reward: RewardSpec, *, warm: bool) -> TrainJob:
        budget = self._spec.budget
        return train_job(
            self._spec.task,
            self._survey,
            reward,
            warm_budget(budget, self._recipe) if attempt.warm else budget,
            seed=attempt.seed,
            final=attempt.purpose in ("baseline", "confirm"),
            until=attempt.until,
            warm=warm,
            unsafe=self._unsafe,
        )

    async def _see_through(self, attempt: Attempt, reward: RewardSpec) -> None:
        folder = self._folder.attempt(attempt)
        if attempt.key not in self._journal.run.open:
            await self._journal.append(AttemptStarted(attempt=attempt))
        checkpoint = await asyncio.to_thread(self._checkpoint, attempt)
        policy = await asyncio.to_thread(self._policy, attempt) if attempt.warm and not checkpoint else None
        job = self._job(attempt, reward, warm=policy is not None)
        try:
            await self._start(folder, job, checkpoint or policy)
        except WorkerFailed as error:
            await self._journal.append(AttemptEnded(attempt=attempt, report=None, lost=error.message))
            return
        ended = await self._following.follow(attempt, folder)
        if isinstance(ended, Lost):
            await self._journal.append(AttemptEnded(attempt=attempt, report=None, lost=ended.reason))
            if ended.fatal:
                raise fault(ended, folder)
            return
        try:
            report = await asyncio.to_thread(read_report, ended.folder, job)
        except StoreError as error:
            await self._journal.append(AttemptEnded(attempt=attempt, report=None, lost=error.message))
            return
        await self._journal.patiently(lambda: self._folder.share(attempt))
        if attempt.purpose == "search":
            await asyncio.to_thread(self._folder.keep_report, attempt.subject, report, ended.folder)
        await self._journal.append(AttemptEnded(attempt=attempt, report=report))

    async def _start(self, folder: Path, job: TrainJob, resume_from: Path | None) -> None:
        """Start the runner; when cancelled meanwhile, wait until it stands, so that it can be stopped."""
        start = partial(self._executor.start, folder, job, resume_from=resume_from)
        starting = asyncio.ensure_future(self._journal.patiently(start))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            await asyncio.wait({starting})
            raise

    def _checkpoint(self, attempt: Attempt) -> Path | None:
        """The newest earlier attempt that left a checkpoint."""
        for number in reversed(range(attempt.number)):
            earlier = attempt.model_copy(update={"number": number})
            for find in (self._folder.own_out, self._folder.out):
                with contextlib.suppress(StoreError):
                    if checkpointed(out := find(earlier)):
                        return out
        return None

    def _policy(self, attempt: Attempt) -> Path:
        """Where the policy lies from which a training goes on."""
        assert attempt.warm is not None
        return self._folder.out(self._journal.run.finished["search", attempt.warm, attempt.seed])
