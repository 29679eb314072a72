"""As many worlds as the device has memory for."""

from __future__ import annotations

import gc

import torch

from rewardsmith.domain.task import Task
from rewardsmith.errors import InfrastructureError
from rewardsmith.worker.backends.warp.worlds import WarpWorlds

__all__ = ["open_fitting_worlds"]

_FEWEST = 64
_SAID = ("Failed to allocate", "out of memory", "can't allocate memory")
"""What Warp, CUDA by Warp or torch, and torch on the processor say."""


def open_fitting_worlds(task: Task, device: str) -> WarpWorlds:
    """The task's number of worlds, halved until they and a step of them fit; it is said when they are fewer.

    Raises:
        TaskError: As `WarpWorlds`.
        InfrastructureError: Not even 64 fit.
    """
    wanted = count = task.trainer.environments
    while True:
        try:
            worlds = WarpWorlds(task, count, device)
            worlds.try_out()
        except RuntimeError as error:
            if not _is_want_of_memory(error):
                raise
            if count <= _FEWEST:
                raise InfrastructureError(
                    f"{count} worlds of {task.environment.id} do not fit into the memory of {device}",
                    hint="let fewer trainings share a GPU: a larger `gpus` in [backends.warp], or fewer --workers",
                ) from error
        else:
            if count < wanted:
                print(f"too little memory on {device} for {wanted} worlds: {count} train", flush=True)
            return worlds
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        count = max(count // 2, _FEWEST)


def _is_want_of_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or any(said in str(error) for said in _SAID)
