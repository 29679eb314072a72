"""One reward outside any run: screen files, train one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

from rewardsmith.domain.candidate import same_as
from rewardsmith.domain.job import Progress, RewardSpec, TrainJob
from rewardsmith.domain.plan import Baseline
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.result import ScreenFailure, ScreenResult, TrainResult
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.domain.task import Task
from rewardsmith.errors import UsageError, near_misses
from rewardsmith.executors.executor import Executor
from rewardsmith.prompting.extraction import find_code
from rewardsmith.reward.source import RewardRejected, analyse
from rewardsmith.screening.screen import Known, Screen
from rewardsmith.search.examining import Examiner
from rewardsmith.search.results import train_result
from rewardsmith.search.surveying import finish
from rewardsmith.search.training import read_report

_MOST_CHARACTERS = 1 << 20


def screen_files(files: Sequence[str], screen: Screen) -> list[ScreenResult]:
    """Which gate each file (a module or a raw completion) passes or fails, and why.

    Raises:
        UsageError: A file cannot be read.
    """
    seen: list[Known] = []
    return [_screen_file(file, screen, seen) for file in files]


def _screen_file(file: str, screen: Screen, seen: list[Known]) -> ScreenResult:
    text = _read(file)
    verdict = screen.judge(lambda: _source(file, text), seen)
    reward = verdict.analysis.reward_id if verdict.analysis else None
    gate: str | None = None
    failure: ScreenFailure | None = None
    if verdict.twin:
        gate = "duplicate"
        failure = ScreenFailure(kind=gate, line=None, message=same_as(verdict.twin, verdict.factor))
    elif found := verdict.failure:
        gate = found.gate
        failure = ScreenFailure(kind=found.kind, line=found.line, message=found.message)
    elif reward and verdict.source:
        seen.append(Known(file, reward, verdict.source))
    return ScreenResult(
        file=file,
        passed=verdict.passed,
        gate=gate,
        failure=failure,
        candidate=reward,
        components=verdict.components,
    )


def reward_spec(reward: str, task: Task, survey: Survey) -> RewardSpec:
    """What `reward` names: a file in the contract, `human`, or `sparse`.

    Raises:
        UsageError: The file cannot be read, breaks the contract, or the task has no stock reward.
    """
    if reward == "human" and not task.environment.stock_reward:
        raise UsageError(f"task {task.name} has no stock reward", hint="train `sparse` or a file instead")
    if reward == "human" or reward == "sparse":
        return RewardSpec(kind=reward, reward_id=reward)
    text = _read(reward)
    try:
        source = _source(reward, text)
        analysis = analyse(source, survey.names())
    except RewardRejected as rejected:
        line = f", line {rejected.failure.line}" if rejected.failure.line else ""
        hint = f"see `rewardsmith screen {reward} --env {task.name}`"
        raise UsageError(f"{reward}{line}: {rejected.failure.message}", hint=hint) from rejected
    return RewardSpec(kind="candidate", reward_id=analysis.reward_id, source=source)


def start_reward(file: str, recipe: Recipe, task: Task, screen: Screen) -> str:
    """The source of a person's reward that a search is to start from.

    Raises:
        UsageError: The file cannot be read, a gate refuses it, or the recipe cannot show it to its model.
    """
    if recipe.write.form not in ("function", "abstraction"):
        raise UsageError(
            f"recipe {recipe.name} cannot start from {file}: its model writes in the form {recipe.write.form}",
            hint="take a recipe whose model writes whole functions, such as eureka or smith",
        )
    found = _screen_file(file, screen, [])
    if found.failure is not None:
        line = f", line {found.failure.line}" if found.failure.line else ""
        hint = f"see `rewardsmith screen {file} --env {task.name}`"
        raise UsageError(f"{file}{line}: {found.failure.message}", hint=hint)
    return _source(file, _read(file))


def train_alone(
    executor: Executor,
    job: TrainJob,
    survey: Survey,
    probe: Probe,
    folder: Path,
    observe: Callable[[Progress], None] | None = None,
) -> TrainResult:
    """Run one training to its end and look for signs of hacking; its process tree is gone when this is left early.

    Raises:
        TaskError, ScoreRuleError: The task is at fault.
        WorkerFailed: The worker was lost.
        StoreError: Its report is damaged, or cannot be true.
    """
    ended = finish(executor, folder, job, observe)
    report = read_report(ended.folder, job)
    examiner = Examiner(survey, probe, job.limits)
    warnings = () if report.failure else examiner.examine(job.reward.source, report, examiner.archived(ended.folder))
    return train_result(report, str(folder), warnings, job.task.score)


def _source(file: str, text: str) -> str:
    return text if file.endswith(".py") else find_code(text)


def _read(file: str) -> str:
    hint = "name a Python file or a completion as text"
    try:
        with Path(file).open(encoding="utf-8") as stream:
            text = stream.read(_MOST_CHARACTERS + 1)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        near = "".join(f"; did you mean {name!r}?" for name in near_misses(file, get_args(Baseline), most=1))
        raise UsageError(f"cannot read {file}: {why}{near}", hint=hint) from error
    if len(text) > _MOST_CHARACTERS:
        raise UsageError(f"{file} has more than {_MOST_CHARACTERS:,} characters: it holds no reward", hint=hint)
    return text
