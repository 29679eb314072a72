"""Asks the simulator itself, through a worker: scripted policies and states for a lock, steps for a check."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rewardsmith.domain.job import Job, RewardLimits, ScriptJob, StepJob
from rewardsmith.domain.states import Played, Scripted, ScriptedEpisode, SimulatorState, Stepped
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.domain.task import Task
from rewardsmith.errors import StoreError
from rewardsmith.executors.executor import Executor
from rewardsmith.search.believing import check_episodes
from rewardsmith.search.surveying import finish, read_rows
from rewardsmith.store.untrusted import MIB, read_record

_MOST_BYTES = 64 * MIB


@dataclass(frozen=True)
class Script:
    """What scripted policies did, and what follows from states of the simulator."""

    episodes: tuple[ScriptedEpisode, ...] = ()
    rows: Probe | None = None
    """Of the episodes; None where there are none."""
    states: tuple[SimulatorState, ...] = ()
    """None where the simulator is not MuJoCo."""
    stepped: Probe | None = None
    """What follows from the states, an episode each; None where there are none."""


@dataclass(frozen=True)
class Simulator:
    """Runs environments in workers.

    Args:
        executor: Opens the executor.
        folder: Where jobs may lie while they run.
        limits: Limits of the score process.
    """

    executor: Callable[[], Executor]
    folder: Path
    limits: RewardLimits

    def script(self, task: Task, survey: Survey, trained: Sequence[Played] = ()) -> Script:
        """Play what nobody has to train, and keep states.

        Raises:
            TaskError: The environment cannot be made as the task file says.
            InfrastructureError: The worker was lost, or what it left is damaged.
        """
        job = ScriptJob(task=task, signals=survey.signals, trained=tuple(trained), limits=self.limits)
        with self._done(job) as folder:
            return read_script(folder, survey)

    def step(self, task: Task, survey: Survey, states: Sequence[SimulatorState]) -> Probe | str:
        """What follows from each state, an episode each; or why they do not fit this simulator. Raises as `script`."""
        with self._done(StepJob(task=task, signals=survey.signals, states=tuple(states))) as folder:
            return read_steps(folder, survey, states)

    def place(self, what: str) -> Path:
        """A new folder, for jobs to lie in."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f"{what}-", dir=self.folder))

    @contextmanager
    def _done(self, job: Job) -> Iterator[Path]:
        folder = self.place(job.kind)
        try:
            finish(self.executor(), folder, job)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def read_script(folder: Path, survey: Survey) -> Script:
    """What the job `script` left in `folder/out`. Raises StoreError."""
    told = read_record(folder / "out", "script.json", Scripted, limit=_MOST_BYTES)
    check_episodes(told.episodes, survey.horizon)
    lengths = [episode.length for episode in told.episodes]
    rows = read_rows(folder, "scripted.npz", survey.signals, lengths) if lengths else None
    stepped = read_steps(folder, survey, told.states)
    if told.states and not isinstance(stepped, Probe):
        raise StoreError(f"the worker's states cannot be true: {stepped}")
    return Script(told.episodes, rows, told.states, stepped if isinstance(stepped, Probe) else None)


def read_steps(folder: Path, survey: Survey, states: Sequence[SimulatorState]) -> Probe | str:
    """What the job `step` left in `folder/out`, an episode each; or why the states do not fit. Raises StoreError."""
    told = read_record(folder / "out", "step.json", Stepped, limit=MIB)
    if told.misfit or not states:
        return told.misfit
    most = [len(state.actions) for state in states]
    if len(told.lengths) != len(most) or not all(1 <= n <= m for n, m in zip(told.lengths, most, strict=True)):
        raise StoreError(f"{folder / 'out'}: its steps are not those of the states")
    return read_rows(folder, "stepped.npz", survey.signals, told.lengths)
