"""Picks the simulator that a task's worlds run in."""

from __future__ import annotations

from rewardsmith.domain.task import Task
from rewardsmith.worker.backends.environments import Environments
from rewardsmith.worker.backends.foreign.worlds import ForeignWorlds
from rewardsmith.worker.backends.gymnasium import make
from rewardsmith.worker.backends.worlds import Worlds

__all__ = ["open_worlds"]


def open_worlds(task: Task, count: int) -> Worlds:
    """Make `count` worlds of the task. Raises as `make` does."""
    if task.environment.foreign is not None:
        return ForeignWorlds(task, count)
    return Environments([make(task) for _ in range(count)])
