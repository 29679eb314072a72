"""The survey: made once per environment, task and version, then read from its folder."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rewardsmith.domain.job import Progress, RewardLimits, SurveyJob
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.domain.task import Task
from rewardsmith.errors import RewardsmithError, ScoreRuleError, StoreError, TaskError, WorkerFailed
from rewardsmith.executors.executor import Done, Executor, Lost, Running
from rewardsmith.store.untrusted import read_arrays, read_record, read_untrusted

_DEPENDS_ON = ("rewardsmith", "gymnasium", "mujoco", "numpy")
_SURVEY_BYTES = 16 << 20
_PROBE_BYTES = 512 << 20
_ORIGIN_BYTES = 16 << 20
_POLL_S = 0.05
_FAULTS: dict[str, type[RewardsmithError]] = {
    "TaskError": TaskError,
    "UnknownName": TaskError,
    "ScoreRuleError": ScoreRuleError,
}


def survey_key(task: Task) -> str:
    """Folder name of a task's survey: changes with the task, the simulator and rewardsmith."""
    parts = [task.fingerprint()]
    for package in _DEPENDS_ON:
        try:
            parts.append(f"{package}={version(package)}")
        except PackageNotFoundError:
            parts.append(f"{package}=?")
    return f"{task.name}-{sha256(' '.join(parts).encode()).hexdigest()[:12]}"


def read_survey(folder: Path) -> Survey:
    """The survey that a worker left in `folder/out`, without its probe. Raises StoreError."""
    return read_record(folder / "out", "survey.json", Survey, limit=_SURVEY_BYTES)


def load_survey(folder: Path) -> tuple[Survey, Probe]:
    """The survey and probe that a worker left in `folder/out`.

    Raises:
        StoreError: There is none, or it is damaged.
    """
    survey = read_survey(folder)
    arrays = read_arrays(folder / "out", "probe.npz", limit=_PROBE_BYTES)
    starts = arrays.pop("__starts__", None)
    if starts is None or set(arrays) != set(survey.names()):
        raise StoreError(f"{folder / 'out' / 'probe.npz'} does not hold the survey's signals")
    return survey, Probe(arrays=arrays, starts=starts.astype(bool))


def survey(
    task: Task,
    executor: Executor,
    surveys: Path,
    *,
    fresh: bool = False,
    unsafe: bool = False,
    note: Callable[[str], None],
) -> tuple[Survey, Probe]:
    """The task's survey, made now if it is not there.

    Raises:
        TaskError: The environment cannot be made as the task file says.
        ScoreRuleError: The score rule raised, or gave no finite number.
        WorkerFailed: The worker was lost.
    """
    folder = surveys / survey_key(task)
    if not fresh:
        try:
            found = load_survey(folder)
        except StoreError:
            pass
        else:
            changed = _changed(found[0])
            if changed is None:
                return found
            note(f"{changed} has changed since {task.name} was surveyed")
    note(f"surveying {task.name}: running {task.environment.id} with random actions")
    if fresh or isinstance(executor.poll(folder), Done):
        executor.stop(folder)
        shutil.rmtree(folder, ignore_errors=True)
    executor.start(folder, SurveyJob(task=task, limits=RewardLimits(unsafe=unsafe)))
    ended = wait(executor, folder)
    if isinstance(ended, Lost):
        raise fault(ended, folder)
    return load_survey(folder)


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


def fault(lost: Lost, folder: Path) -> RewardsmithError:
    """The error that a lost worker stands for: the task's fault where the worker said so, else the machine's."""
    told = lost.error or {}
    hint = str(told.get("hint") or f"see {folder / 'log.txt'}")
    kind = _FAULTS.get(str(told.get("type")))
    return WorkerFailed(lost.reason, hint=hint) if kind is None else kind(str(told.get("message")), hint=hint)
