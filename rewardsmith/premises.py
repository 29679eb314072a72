"""What a workshop stands on: its data folders, its runs, what trains for it. Settings in, opened objects out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from rewardsmith.catalogue.folders import Folders, find_folders
from rewardsmith.catalogue.recipes import list_recipes, load_recipe
from rewardsmith.catalogue.sandboxes import load_sandbox
from rewardsmith.catalogue.tasks import list_tasks, load_task
from rewardsmith.diagnosis.trainable import refuse_untrainable
from rewardsmith.domain.job import RewardLimits
from rewardsmith.domain.offer import RecipeSummary, TaskSummary
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.domain.task import Task
from rewardsmith.errors import UsageError
from rewardsmith.executors.executor import Executor
from rewardsmith.executors.registry import open_executor
from rewardsmith.runs import Runs
from rewardsmith.search.lending import borrow, lend
from rewardsmith.search.ruling import trial_limits
from rewardsmith.search.surveying import survey, survey_key
from rewardsmith.settings import DEFAULT_EXECUTOR, DEFAULT_SANDBOX, Settings
from rewardsmith.store.depot import Depot
from rewardsmith.store.store import Store

Note = Callable[[str], None]
_T = TypeVar("_T")

_CLUSTER = "ray"
"""The executor that knows by itself how many trainings it takes."""


class Premises:
    """Wired objects of one process. Opened lazily: asking for a task touches no database."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.place = settings.runs.resolve()
        """Folder of all runs."""
        self.discreet = False
        """Whether results name places from that folder on, for those who are not on this machine."""

    @property
    def workers(self) -> int:
        """Trainings side by side. Raises as `executor` where a cluster has to be asked."""
        if self.settings.workers:
            return self.settings.workers
        return self.executor.slots if self.settings.executor == _CLUSTER else len(os.sched_getaffinity(0))

    @property
    def folders(self) -> Folders:
        """The data folders."""
        return find_folders(envs=self.settings.envs, prompts=self.settings.prompts, sandboxes=self.settings.sandboxes)

    @property
    def database(self) -> str | Path:
        """Address or path of the database."""
        return self.settings.database or self.place / "rewardsmith.db"

    @cached_property
    def store(self) -> Store:
        """The store, opened and brought to the present schema at first use."""
        return Store.open(self.database)

    def close(self) -> None:
        """Let go of the database, if it was opened."""
        if "store" in vars(self):
            self.store.close()

    @cached_property
    def reading(self) -> Runs:
        """The runs of the store, to be read."""
        return Runs(self.store, self.place, self.depot, discreet=self.discreet)

    @cached_property
    def depot(self) -> Depot | None:
        """Where the finished files of all hosts' runs lie; None where only this host's runs are read."""
        return Depot(self.settings.artifacts) if self.settings.artifacts else None

    @cached_property
    def executor(self) -> Executor:
        """The executor.

        Raises:
            IsolationUnavailable: Its sandbox cannot be had here.
            ExecutorAway: The cluster cannot be reached.
            UsageError: There is none of that name, or it cannot do what is asked.
        """
        sandbox = self.sandbox
        name = self.settings.executor or DEFAULT_EXECUTOR
        if name != _CLUSTER:
            return open_executor(name, self.workers, sandbox)
        if self.settings.ray is None:
            raise UsageError("the executor ray needs a cluster", hint="--ray-address http://HEAD:8265")
        more = {"ray": self.settings.ray, "runs": self.place, "artifacts": self.settings.artifacts}
        return open_executor(name, self.settings.workers, sandbox, **more)

    @property
    def sandbox(self) -> SandboxSpec:
        """What workers run in. Raises UsageError where there is none of that name."""
        return load_sandbox(self.settings.sandbox or DEFAULT_SANDBOX, self.folders)

    def refuse_untrainable(self, task: Task) -> None:
        """See `rewardsmith.diagnosis.trainable`; what other packages' executors train on is not known here."""
        here = (self.settings.executor or DEFAULT_EXECUTOR) == DEFAULT_EXECUTOR
        refuse_untrainable(task, self.sandbox, here=here)

    def task(self, name: str) -> Task:
        """The task of that name or folder."""
        return load_task(name, self.folders)

    def tasks(self) -> tuple[list[Task], dict[str, str]]:
        """All tasks of the data folders, and by name what is wrong with those that cannot be read."""
        return self._read(list_tasks(self.folders), self.task)

    def task_lines(self) -> list[TaskSummary]:
        """A line for each task."""
        interpreters = self.sandbox.interpreters
        found, faults = self.tasks()
        lines = [TaskSummary.of(task, interpreters) for task in found]
        return [*lines, *(TaskSummary.broken(*each) for each in faults.items())]

    def recipe(self, name: str) -> Recipe:
        """The recipe of that name or folder."""
        return load_recipe(name, self.folders)

    def recipes(self) -> tuple[list[Recipe], dict[str, str]]:
        """All recipes of the data folders, and by name what is wrong with those that cannot be read."""
        return self._read(list_recipes(self.folders), self.recipe)

    def recipe_lines(self) -> list[RecipeSummary]:
        """A line for each recipe."""
        found, faults = self.recipes()
        lines = [RecipeSummary.of(recipe) for recipe in found]
        return [*lines, *(RecipeSummary.broken(*each) for each in faults.items())]

    def _read(self, names: Iterable[str], load: Callable[[str], _T]) -> tuple[list[_T], dict[str, str]]:
        found: list[_T] = []
        faults: dict[str, str] = {}
        for name in names:
            try:
                found.append(load(name))
            except UsageError as error:  # a file that somebody is still writing hides no others
                first = error.message.splitlines()[0]
                faults[name] = first.partition(f"{os.sep}{name}")[2].lstrip(f"{os.sep}: ") or first
        return found, faults

    def survey(
        self, task: Task, *, fresh: bool = False, note: Note | None = None, strange: bool = False
    ) -> tuple[Survey, Probe]:
        """The task's survey; runs the environment if there is none yet, a `strange` task's rule for seconds only."""
        unsafe, note = self.settings.unsafe, note or (lambda _: None)
        limits = trial_limits(unsafe=unsafe) if strange else RewardLimits(unsafe=unsafe)
        folder = self.place / "surveys" / survey_key(task)
        if not fresh:
            borrow(self.depot, folder)
        found = survey(task, self.executor, folder.parent, fresh=fresh, limits=limits, note=note)
        lend(self.depot, folder)
        return found
