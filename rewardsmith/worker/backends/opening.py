"""Picks the simulator that a task's worlds run in."""

from __future__ import annotations

from rewardsmith.domain.task import Task
from rewardsmith.errors import MissingExtra
from rewardsmith.worker.backends.environments import Environments
from rewardsmith.worker.backends.foreign.worlds import ForeignWorlds
from rewardsmith.worker.backends.gymnasium import make
from rewardsmith.worker.backends.worlds import Worlds

__all__ = ["open_training_worlds", "open_worlds"]


def open_worlds(task: Task, count: int) -> Worlds:
    """Make `count` worlds of the task, to be scored in. Raises as `make` does."""
    if task.environment.foreign is not None:
        return ForeignWorlds(task, count)
    return Environments([make(task) for _ in range(count)])


def open_training_worlds(task: Task) -> Worlds:
    """Make the worlds that an agent trains in, by the backend that its trainer names.

    Raises:
        TaskError: As `make` does, or the backend cannot serve this task.
        UsageError: There is no such device.
        MissingExtra: The backend is not installed.
    """
    trainer = task.trainer
    if trainer.backend == "gymnasium":
        return open_worlds(task, trainer.environments)
    try:
        from rewardsmith.worker.backends.warp.devices import find_device
        from rewardsmith.worker.backends.warp.fitting import open_fitting_worlds
    except ImportError as error:
        raise MissingExtra(
            f"the backend {trainer.backend!r} needs {error.name}", hint="pip install 'rewardsmith[warp]'"
        ) from error
    return open_fitting_worlds(task, find_device(trainer.device))
