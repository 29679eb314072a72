"""The survey: made once per environment, task and version, then read from its folder."""

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from rewardsmith.domain.job import Job, Progress, RewardLimits, SurveyJob
from rewardsmith.domain.survey import Probe, Signal, Survey
from rewardsmith.domain.task import Task
from rewardsmith.errors import (
    MissingExtra,
    RewardsmithError,
    ScoreRuleError,
    StoreError,
    TaskError,
    UsageError,
    WorkerFailed,
)
from rewardsmith.executors.executor import Done, Executor, Lost, Running
from rewardsmith.search.believing import check_survey
from rewardsmith.store.arrays import Layout, read_arrays
from rewardsmith.store.untrusted import read_record, read_untrusted

_DEPENDS_ON = ("rewardsmith", "gymnasium", "mujoco", "numpy")
_SURVEY_BYTES = 16 << 20
_PROBE_BYTES = 512 << 20
_ORIGIN_BYTES = 16 << 20
_POLL_S = 0.05
_FAULTS: dict[str, type[RewardsmithError]] = {
    "TaskError": TaskError,
    "UnknownName": TaskError,
    "ScoreRuleError": ScoreRuleError,
    "UsageError": UsageError,
    "MissingExtra": MissingExtra,
}


def survey_key(task: Task) -> str:
    """Folder name of a task's survey: changes with the task, the simulator and rewardsmith."""
    parts = (task.fingerprint(), *(f"{package}={_version(package)}" for package in _DEPENDS_ON))
    return f"{task.name}-{sha256(' '.join(parts).encode()).hexdigest()[:12]}"


@cache
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "?"


def read_survey(folder: Path, task: Task | None = None) -> Survey:
    """The survey (of `task`) that a worker left in `folder/out`, without its probe.

    Raises:
        StoreError: There is none, it is damaged, or it cannot be true.
    """
    survey = read_record(folder / "out", "survey.json", Survey, limit=_SURVEY_BYTES)
    check_survey(survey, task)
    return survey


def load_survey(folder: Path, task: Task | None = None) -> tuple[Survey, Probe]:
    """The survey (of `task`) and the probe that a worker left in `folder/out`.

    Raises:
        StoreError: There is none, it is damaged, or it cannot be true.
    """
    survey = read_survey(folder, task)
    probe = read_rows(folder, "probe.npz", survey.signals, [each.length for each in survey.episodes])
    if not survey.extremes:
        return survey, probe
    lengths = [each.length for each in survey.extremes]
    return survey, replace(probe, extremes=read_rows(folder, "extremes.npz", survey.signals, lengths))


def read_rows(folder: Path, name: str, signals: Sequence[Signal], lengths: Sequence[int]) -> Probe:
    """The rows of episodes of these lengths in `folder/out`; every signal, in its shape and type. Raises StoreError."""
    ends = list(itertools.accumulate(lengths))
    expected = {signal.name: Layout(np.dtype(signal.dtype), (ends[-1], *signal.shape)) for signal in signals}
    expected["__starts__"] = Layout(np.dtype(np.bool_), (ends[-1],))
    arrays = read_arrays(folder / "out", name, expected=expected, limit=_PROBE_BYTES)
    starts = arrays.pop("__starts__").astype(np.bool_)
    if not np.array_equal(np.flatnonzero(starts), [0, *ends[:-1]]):
        raise StoreError(f"{folder / 'out' / name} does not hold the episodes that belong there")
    return Probe(arrays=arrays, starts=starts)


def survey(
    task: Task,
    executor: Executor,
    surveys: Path,
    *,
    fresh: bool = False,
    limits: RewardLimits | None = None,
    note: Callable[[str], None],
) -> tuple[Survey, Probe]:
    """The task's survey, made now, its score rule within `limits`, if it is not there.

    Raises:
        TaskError: The environment cannot be made as the task file says.
        ScoreRuleError: The score rule raised, or gave no finite number.
        WorkerFailed: The worker was lost.
        StoreError: What it left is damaged, or cannot be true.
    """
    folder = surveys / survey_key(task)
    found = None if fresh else _at_hand(folder, task)
    if found is None:
        with _alone(folder):
            found = None if fresh else _at_hand(folder, task, note)
            found = found or _make(folder, task, executor, limits or RewardLimits(), fresh=fresh, note=note)
    return found


def _at_hand(folder: Path, task: Task, note: Callable[[str], None] | None = None) -> tuple[Survey, Probe] | None:
    """The survey in `folder`; none where there is none, it is damaged, or the environment has changed since."""
    try:
        found = load_survey(folder, task)
    except StoreError:
        return None
    changed = _changed(found[0])
    if changed and note:
        note(f"{changed} has changed since {task.name} was surveyed")
    return None if changed else found


def _make(
    folder: Path, task: Task, executor: Executor, limits: RewardLimits, *, fresh: bool, note: Callable[[str], None]
) -> tuple[Survey, Probe]:
    note(f"surveying {task.name}: running {task.environment.label} with random actions")
    if fresh or (not isinstance(executor.poll(folder), Running) and os.path.lexists(folder / "out")):
        executor.stop(folder)
        _discard(folder)
    executor.start(folder, SurveyJob(task=task, limits=limits))
    ended = wait(executor, folder)
    if isinstance(ended, Lost):
        raise fault(ended, folder)
    return load_survey(folder, task)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """While nobody else, in any process or thread, makes the survey of `folder`; the dead hold nothing."""
    lock = folder.with_name(f"{folder.name}.lock")
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        handle = lock.open("w")
    except OSError as error:
        hint = "is the disk full, or the folder read-only?"
        raise StoreError(f"cannot keep a survey in {folder.parent}: {error.strerror}", hint=hint) from error
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _discard(folder: Path) -> None:
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError as error:  # folders within folders, a thousand deep
        raise StoreError(f"{folder} cannot be removed", hint="remove it by hand") from error


def _changed(survey: Survey) -> Path | None:
    """A file of the environment that is no longer what it was; one that cannot be seen from here says nothing."""
    for name, digest in survey.origins.items():
        try:
            if sha256(read_untrusted(Path(name).parent, Path(name).name, limit=_ORIGIN_BYTES)).hexdigest() != digest:
                return Path(name)
        except StoreError:
            continue
    return None


def wait(executor: Executor, folder: Path, observe: Callable[[Progress], None] | None = None) -> Done | Lost:
    """Wait for one job, telling its progress."""
    while True:
        state = executor.poll(folder)
        if not isinstance(state, Running):
            return state
        if observe and state.progress:
            observe(state.progress)
        time.sleep(_POLL_S)


def finish(executor: Executor, folder: Path, job: Job, observe: Callable[[Progress], None] | None = None) -> Done:
    """Run one job to its end; its process tree is gone when this is left early.

    Raises:
        TaskError, ScoreRuleError: The task is at fault.
        WorkerFailed: The worker was lost.
    """
    executor.start(folder, job)
    try:
        ended = wait(executor, folder, observe)
    except BaseException:
        executor.stop(folder)
        raise
    if isinstance(ended, Lost):
        raise fault(ended, folder)
    return ended


def fault(lost: Lost, folder: Path) -> RewardsmithError:
    """The error that a lost worker stands for: the task's fault where the worker said so, else the machine's."""
    told = lost.error or {}
    hint = str(told.get("hint") or f"see {folder / 'log.txt'}")
    kind = _FAULTS.get(str(told.get("type")))
    return WorkerFailed(lost.reason, hint=hint) if kind is None else kind(str(told.get("message")), hint=hint)
