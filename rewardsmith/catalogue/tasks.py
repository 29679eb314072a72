"""Tasks: a folder with `task.toml` and `score.py`; `view.md`, `robot.toml` and an environment module where wanted."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from rewardsmith.catalogue.files import parse_record, read_text
from rewardsmith.catalogue.folders import Folders
from rewardsmith.catalogue.scaffold import new_task
from rewardsmith.domain.record import Record
from rewardsmith.domain.robot import Robot
from rewardsmith.domain.task import Backend, Budget, EnvironmentSpec, Extra, ScoreRule, SignalSpec, Task, Trainer
from rewardsmith.errors import TaskError, UnknownName
from rewardsmith.motion.fitting import check_whole
from rewardsmith.syntax import syntax_tree

__all__ = ["list_tasks", "load_task", "new_task"]

_CLASS = re.compile(r"(stable_baselines3|sb3_contrib|skrl)\.[A-Za-z0-9]+")
BACKENDS = ("warp",)
"""Simulators besides Gymnasium that a training may step its environments with."""
_OURS = {
    "policy": "[trainer] policy",
    "n_envs": "[trainer] environments",
    "env": "[environment]",
    "seed": "the seed of each training",
    "tensorboard_log": "the folder of each training",
    "verbose": "nothing: workers keep quiet",
    "device": "the machine",
}
"""Settings of a trainer's class that are given elsewhere, with where."""


class _ScoreTable(Record):
    """The table `[score]` of a task file; the rule itself is `score.py`."""

    unit: str = ""
    meaning: str = Field(min_length=1)
    target: float | None = None


class _TaskFile(Record):
    """What `task.toml` may say."""

    title: str = Field(min_length=1)
    description: str = Field(min_length=1)
    environment: EnvironmentSpec
    score: _ScoreTable
    trainer: Trainer
    budgets: dict[str, Budget] = Field(min_length=1)
    backends: dict[str, Backend] = Field(default_factory=dict)
    signals: dict[str, SignalSpec] = Field(default_factory=dict)
    leave_out: tuple[str, ...] = ()
    extra: Extra | None = None
    robot: str | None = None
    """Task whose `robot.toml` is this one's too, where it has none of its own."""


def list_tasks(folders: Folders) -> tuple[str, ...]:
    """Return the names of all tasks in the data folders, sorted."""
    return folders.members("envs")


def load_task(task: str | Path, folders: Folders) -> Task:
    """Load a task by name, or by the path of its folder or of its `task.toml`.

    A bare name is looked up in the data folders first and taken as a folder of the working directory second.

    Raises:
        UnknownName: No task of that name; lists the near misses.
        TaskError: A file is missing or wrong: says which, where in it, and what is expected.
    """
    name, files = folders.find("envs", task)
    file = files["task.toml"]
    if "score.py" not in files:
        raise TaskError(f"{file.parent}: score.py is missing", hint="a task is a folder with task.toml and score.py")
    given = parse_record(_TaskFile, read_text(file, TaskError), str(file), TaskError)
    _check_trainer(given.trainer, file, "trainer")
    _check_backends(given.backends, given.budgets, file)
    _check_signals(given.signals, file)
    return Task(
        name=name,
        title=given.title,
        description=given.description.strip(),
        environment=given.environment,
        score=ScoreRule(source=_score_source(files["score.py"]), **given.score.model_dump()),
        trainer=given.trainer,
        budgets=given.budgets,
        backends=given.backends,
        signals=given.signals,
        leave_out=given.leave_out,
        view=read_text(files["view.md"], TaskError) if "view.md" in files else None,
        robot=_robot(given.robot, files, folders),
        extra=given.extra,
        module_source=_module_source(given.environment.module, files),
    )


def _robot(shared: str | None, files: dict[str, Path], folders: Folders) -> Robot | None:
    """The robot of the task's own folder, or else that of the task that it names."""
    place = files["task.toml"]
    if shared is not None:
        files = folders.find("envs", shared)[1] | {k: v for k, v in files.items() if k == "robot.toml"}
    file = files.get("robot.toml")
    if file is None and shared is not None:
        raise TaskError(f"{place}: robot = {shared!r}: that task has no robot.toml")
    if file is None:
        return None
    robot = parse_record(Robot, read_text(file, TaskError), str(file), TaskError)
    check_whole(robot, str(file))
    return robot


def _check_backends(backends: Mapping[str, Backend], budgets: Mapping[str, Budget], file: Path) -> None:
    for name, backend in backends.items():
        if name not in BACKENDS:
            raise UnknownName("backend", name, BACKENDS, where=f"{file}: [backends.{name}]")
        _check_trainer(backend, file, f"backends.{name}")
        for budget in backend.steps:
            if budget not in budgets:
                raise UnknownName("budget", budget, budgets, where=f"{file}: [backends.{name}] steps")


def _check_trainer(trainer: Trainer, file: Path, table: str) -> None:
    if not _CLASS.fullmatch(trainer.algorithm):
        raise TaskError(
            f"{file}: [{table}] algorithm = {trainer.algorithm!r} names no class of Stable-Baselines3 or sb3-contrib",
            hint="write it in full: 'stable_baselines3.PPO' or 'sb3_contrib.TQC'",
        )
    for key in sorted(trainer.settings.keys() & _OURS.keys()):
        raise TaskError(
            f"{file}: [{table}.settings] {key} cannot be set here",
            hint=f"it is given by {_OURS[key]}",
        )


def _check_signals(signals: dict[str, SignalSpec], file: Path) -> None:
    for name, signal in signals.items():
        where = f"{file}: [signals.{name}]"
        if not name.isidentifier() or name.startswith("prev_") or name == "memory":
            raise TaskError(f"{where}: cannot name a signal", hint="use a Python name without the prefix prev_")
        if signal.source == "info" and not signal.key:
            raise TaskError(f"{where} key is missing", hint="a signal from info needs the key of its entry")


def _score_source(path: Path) -> str:
    source = read_text(path, TaskError)
    try:
        tree = syntax_tree(source)
    except SyntaxError as fault:
        raise TaskError(f"{path}, line {fault.lineno}: not Python: {fault.msg}") from fault
    if not any(isinstance(node, ast.FunctionDef) and node.name == "score" for node in tree.body):
        raise TaskError(
            f"{path}: defines no function score(...)",
            hint="def score(<signals>, horizon): ... returns one number; each signal has shape (T, ...)",
        )
    return source


def _module_source(module: str | None, files: dict[str, Path]) -> str | None:
    if module is None:
        return None
    if module not in files:
        place = files["task.toml"]
        raise TaskError(
            f"{place}: [environment] module = {module!r}: no such file beside task.toml",
            hint="name a Python file in the task folder that registers the environment",
        )
    return read_text(files[module], TaskError)
