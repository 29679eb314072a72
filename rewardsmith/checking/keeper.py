"""Keeps rewards of runs with their locks, and checks kept ones in the environment as it is here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from shutil import rmtree

from rewardsmith.checking.checking import check
from rewardsmith.checking.kept import Kept
from rewardsmith.checking.locking import lock, record, relock
from rewardsmith.checking.simulator import Simulator
from rewardsmith.checking.static import signals_of
from rewardsmith.checking.trained import Course
from rewardsmith.checking.training import Trainer
from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.job import RewardLimits
from rewardsmith.domain.prompt import CompletionKey, Role
from rewardsmith.domain.regression import TIERS, TOLERANCE, TRAINED, CheckResult, Tier, Trials
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.domain.task import Task
from rewardsmith.reward.source import RewardRejected, analyse
from rewardsmith.runs import Runs
from rewardsmith.search.chosen import find_best, find_candidate
from rewardsmith.store.store import Store

_WRITERS: tuple[Role, ...] = ("designer", "repair")


@dataclass(frozen=True)
class Keeper:
    """Locks and checks rewards.

    Args:
        store: Where completions, and so the hashes of prompts, are.
        runs: The runs that rewards come from.
        task: The task of that name as it is here; None where there is none.
        survey: Surveys a task here, or finds its survey.
        simulator: Steps from states and plays scripted policies; trainings run where it runs.
        limits: Limits of reward processes.
    """

    store: Store
    runs: Runs
    task: Callable[[str], Task | None]
    survey: Callable[[Task], tuple[Survey, Probe]]
    simulator: Simulator
    limits: RewardLimits

    def keep(self, run: str, candidate: str | None = None) -> Kept:
        """A candidate with its lock; the run's best when none is named.

        Raises:
            UnknownName: There is no such run or candidate.
            NotYet: The run has no scored candidate.
            UsageError: The candidate was never trained, or fails on the rows that it is locked with.
            StoreError: The archive of its training cannot be read.
            InfrastructureError: Its process, or the survey, could not be run.
        """
        return self._kept(run, candidate, None)

    def check(
        self,
        kept: Kept,
        tiers: Collection[Tier] = TIERS,
        tolerance: float = TOLERANCE,
        trials: Trials | None = None,
        note: Callable[[str], None] = lambda _: None,
    ) -> CheckResult:
        """Compare a kept reward with its lock; see `rewardsmith.checking.checking.check`.

        The environment is that of the task of the same name here, and the lock's own where there is none.
        """
        task = self._task(kept)
        survey, probe = self.survey(task)
        again = partial(self.simulator.step, task, survey)
        compare = partial(
            check, kept, survey, probe, task=task, tiers=tiers, tolerance=tolerance, limits=self.limits, again=again
        )
        if not {*TRAINED} & {*tiers}:
            return compare()
        folder = self.simulator.place(task.name)
        trainer = Trainer(self.simulator.executor(), folder, note)
        result = compare(course=Course(kept, task, survey, trainer, trials or Trials(), self.limits))
        if result.verdict == "passed":
            rmtree(folder, ignore_errors=True)
        return result

    def relock(self, kept: Kept) -> Kept:
        """The same with a lock of what it is now; see `rewardsmith.checking.locking.relock`."""
        task = self._task(kept)
        survey, probe = self.survey(task)
        again, script = partial(self.simulator.step, task, survey), partial(self.simulator.script, task, survey)
        return relock(kept, survey, probe, self.limits, again=again, script=script)

    def check_against(
        self,
        source: str,
        run: str,
        candidate: str | None = None,
        tolerance: float = TOLERANCE,
        tiers: Collection[Tier] = TIERS,
    ) -> CheckResult:
        """Compare a reward in the contract with a candidate of a run, the best when none is named. Raises as `keep`."""
        return self.check(self._kept(run, candidate, source), tiers, tolerance)

    def _task(self, kept: Kept) -> Task:
        return self.task(kept.lock.task.name) or kept.lock.task

    def _kept(self, run: str, candidate: str | None, source: str | None) -> Kept:
        told = self.runs.run(run)
        found = find_candidate(told, candidate or find_best(self.runs.result(run)).candidate)
        assert told.spec is not None
        survey, probe = self.survey(told.spec.task)
        rows = partial(record, told, found, survey, probe, self.runs.folder(run), self.limits)
        if source:  # it is compared here and now, in the same simulator
            recorded = rows(_reads(source, survey))
        else:
            recorded = rows(script=partial(self.simulator.script, told.spec.task, survey))
        locked = lock(told, found, survey, recorded, self._prompts(run, found))
        kept = Kept(f"{run} {found.id}", found.source or "", locked, recorded)
        return replace(kept, source=source, name="reward") if source else kept

    def _prompts(self, run: str, candidate: Candidate) -> dict[str, str]:
        """Hashes of the prompts that led to a candidate; none where nobody was asked for it."""
        found = {}
        for role in _WRITERS:
            for call in count():
                key = CompletionKey(generation=candidate.generation, role=role, slot=candidate.slot, call=call)
                stored = self.store.completion(run, key)
                if stored is None:
                    break
                found[f"{role} {call}"] = stored.prompt_hash
        return found


def _reads(source: str, survey: Survey) -> Iterable[str]:
    """Signals that a reward reads; none where it is against the contract, which the check will say."""
    try:
        return signals_of(analyse(source, survey.names()), survey)
    except RewardRejected:
        return ()
