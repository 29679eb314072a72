"""What the environments went through, as arrays over time and environments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rewardsmith.domain.survey import Signal

__all__ = ["Recorder", "Recording"]


@dataclass(frozen=True)
class Recording:
    """T consecutive steps of N environments, before any reset."""

    arrays: Mapping[str, npt.NDArray[Any]]
    """By signal: shape (T, N, ...)."""
    starts: npt.NDArray[np.bool_]
    """(T, N): true on the first step of an episode."""
    terminated: npt.NDArray[np.bool_]
    """(T, N): the episode ended by itself."""
    truncated: npt.NDArray[np.bool_]
    """(T, N): the episode was cut, by the horizon or by the environment."""
    stock: npt.NDArray[np.float64]
    """(T, N): the environment's own reward."""

    @property
    def ends(self) -> npt.NDArray[np.bool_]:
        """(T, N): true on the last step of an episode."""
        return self.terminated | self.truncated


class Recorder:
    """Preallocated arrays that fill step by step and are handed out as one recording."""

    def __init__(self, signals: Mapping[str, Signal], capacity: int, environments: int) -> None:
        shape = (capacity, environments)
        self.capacity = capacity
        self.arrays: dict[str, npt.NDArray[Any]] = {
            name: np.zeros(shape + signal.shape, dtype=signal.dtype) for name, signal in signals.items()
        }
        self.starts = np.zeros(shape, dtype=bool)
        self.terminated = np.zeros(shape, dtype=bool)
        self.truncated = np.zeros(shape, dtype=bool)
        self.stock = np.zeros(shape, dtype=np.float64)
        self.filled = 0

    def next(self) -> int:
        """The row of the next step.

        Raises:
            RuntimeError: `capacity` steps lie there that nobody has taken.
        """
        if self.filled == self.capacity:
            raise RuntimeError(f"the recorder holds {self.filled} steps that nobody has taken")
        self.filled += 1
        return self.filled - 1

    def take(self) -> Recording:
        """The steps recorded since the last call, as views that the next step overwrites."""
        rows = self.filled
        self.filled = 0
        return Recording(
            arrays={name: array[:rows] for name, array in self.arrays.items()},
            starts=self.starts[:rows],
            terminated=self.terminated[:rows],
            truncated=self.truncated[:rows],
            stock=self.stock[:rows],
        )
