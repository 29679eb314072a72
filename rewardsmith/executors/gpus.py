"""GPUs of this machine, which trainings share in the fractions that their tasks state."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable
from pathlib import Path

from rewardsmith.domain.job import Job, TrainJob
from rewardsmith.executors.executor import Executor

__all__ = ["GpuShares", "gpus_here", "share_of", "side_by_side"]

VARIABLE = "CUDA_VISIBLE_DEVICES"
_DEVICE = re.compile(r"nvidia(\d+)")


def gpus_here(devices: Path = Path("/dev")) -> tuple[str, ...]:
    """The GPUs that workers may be given: those that the environment names, else all."""
    told = os.environ.get(VARIABLE)
    if told is not None:
        return tuple(name.strip() for name in told.split(",") if name.strip())
    names = [path.name for path in devices.iterdir()]
    found = sorted((match[1] for name in names if (match := _DEVICE.fullmatch(name))), key=int)
    return tuple(found) if found or "dxg" not in names else ("0",)


def share_of(job: Job) -> float:
    """GPUs that a job takes."""
    return job.task.trainer.gpus if isinstance(job, TrainJob) else 0.0


def side_by_side(executor: Executor, share: float) -> int:
    """How many trainings of that share an executor runs at once; one that counts GPUs itself says so by its slots."""
    here = getattr(executor, "gpus", None)
    if not share or not here:
        return executor.slots
    return max(1, min(executor.slots, int(len(here) / share + 1e-9)))


class GpuShares:
    """Who uses how much of which GPU. An attempt that another process started is not known here.

    Args:
        names: As CUDA_VISIBLE_DEVICES has them.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)
        self._taken: dict[Path, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def take(self, attempt: Path, share: float) -> str | None:
        """The GPU of which most is left; None for a job without one, and where there is none."""
        if not share or not self._names:
            return None
        with self._lock:
            used = dict.fromkeys(self._names, 0.0)
            for name, other in self._taken.values():
                used[name] += other
            best = min(self._names, key=lambda name: used[name])
            self._taken[attempt] = (best, share)
            return best

    def give_back(self, attempt: Path) -> None:
        """The attempt has ended; safe to repeat."""
        with self._lock:
            self._taken.pop(attempt, None)
