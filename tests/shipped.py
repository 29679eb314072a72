"""The shipped tasks as parameters of tests, with marks for what takes long or cannot run here."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable

import pytest
from _pytest.mark.structures import ParameterSet

from rewardsmith.catalogue.folders import Folders
from rewardsmith.catalogue.tasks import list_tasks, load_task
from rewardsmith.domain.task import PACKAGES


def plain(folders: Folders) -> tuple[str, ...]:
    """Tasks that need no more than a worker does."""
    return tuple(name for name in list_tasks(folders) if not load_task(name, folders).needs)


def runnable(folders: Folders, *, everyday: Iterable[str]) -> list[ParameterSet]:
    """All tasks: slow but for `everyday`, skipped where what they need is not here."""
    return [pytest.param(name, marks=_marks(name, folders, name in everyday)) for name in list_tasks(folders)]


def _marks(name: str, folders: Folders, everyday: bool) -> list[pytest.MarkDecorator]:
    task = load_task(name, folders)
    extra = task.extra
    marks = [] if everyday else [pytest.mark.slow]
    if task.environment.foreign:
        marks.append(pytest.mark.skip(reason=f"needs an {task.needs}"))
    if extra is not None and importlib.util.find_spec(PACKAGES[extra]) is None:
        marks.append(pytest.mark.skip(reason=f"needs {task.install}"))
    return marks
