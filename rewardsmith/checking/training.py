"""Trainings of a kept reward: side by side through the executor, outside any run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rewardsmith.domain.job import Progress, TrainJob
from rewardsmith.domain.report import Report
from rewardsmith.errors import StoreError, WorkerFailed
from rewardsmith.executors.executor import Done, Executor, Lost, Running
from rewardsmith.search.following import POLL_S
from rewardsmith.search.surveying import fault
from rewardsmith.search.training import MAX_LOST, checkpointed, read_report


@dataclass
class Trainer:
    """Sees trainings of one reward to their ends, or to pauses from which it goes on with them.

    Args:
        executor: Where they run.
        folder: Where their files lie.
        note: Told what is under way.
    """

    executor: Executor
    folder: Path
    note: Callable[[str], None]
    _made: dict[int, list[Path]] = field(default_factory=dict)

    def train(self, jobs: Mapping[int, TrainJob]) -> dict[int, Report]:
        """What each seed's training reports; their process trees are gone when this is left early.

        Raises:
            TaskError, ScoreRuleError: The task is at fault.
            WorkerFailed: A training lost its worker `MAX_LOST` times.
            InfrastructureError: A runner could not be started.
        """
        waiting, live, lost = list(jobs), dict[int, Path](), dict.fromkeys(jobs, 0)
        reports: dict[int, Report] = {}
        told: dict[int, float | None] = {}
        try:
            while waiting or live:
                while waiting and len(live) < self.executor.slots:
                    seed = waiting.pop(0)
                    live[seed] = self._next(seed)
                    self._start(live[seed], seed, jobs[seed])
                for seed, folder in list(live.items()):
                    state = self.executor.poll(folder)
                    if isinstance(state, Running):
                        self._tell(seed, state.progress, told)
                        continue
                    del live[seed]
                    try:
                        reports[seed] = self._report(state, folder, jobs[seed])
                    except (WorkerFailed, StoreError):
                        lost[seed] += 1
                        if lost[seed] >= MAX_LOST:
                            raise
                        waiting.append(seed)
                time.sleep(POLL_S)
        finally:
            for folder in live.values():
                self.executor.stop(folder)
        return reports

    def _next(self, seed: int) -> Path:
        made = self._made.setdefault(seed, [])
        made.append(self.folder / f"s{seed}-{len(made)}")
        return made[-1]

    def _start(self, folder: Path, seed: int, job: TrainJob) -> None:
        earlier = (made / "out" for made in reversed(self._made[seed][:-1]))
        self.executor.start(folder, job, resume_from=next((out for out in earlier if checkpointed(out)), None))

    def _report(self, ended: Done | Lost, folder: Path, job: TrainJob) -> Report:
        if isinstance(ended, Lost):
            raise fault(ended, folder)
        return read_report(ended.folder, job)

    def _tell(self, seed: int, progress: Progress | None, told: dict[int, float | None]) -> None:
        """Each new score, once."""
        if progress and progress.score is not None and progress.score != told.get(seed):
            told[seed] = progress.score
            self.note(f"seed {seed}: score {progress.score:.4g} after {progress.steps:,} of {progress.of:,} steps")
