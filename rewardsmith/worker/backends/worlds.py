"""The seam of simulators: N worlds of one task's environment that are stepped together and record what rewards read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from rewardsmith.domain.survey import Signal
from rewardsmith.worker.recording import Recording

__all__ = ["Stepped", "Worlds"]


@dataclass(frozen=True)
class Stepped:
    """What one step of all worlds gave."""

    observations: Any
    """(N, ...), or a dict of such: those of a fresh episode where the last one has ended and was reset."""
    last: Mapping[int, Any]
    """By world: the last observation of an episode that ended and was reset."""
    terminated: npt.NDArray[np.bool_]
    """(N,): the episode ended by itself."""
    truncated: npt.NDArray[np.bool_]
    """(N,): the episode was cut, by the horizon or by the environment."""


class Worlds(Protocol):
    """N worlds, stepped together; `reset` and `record` come before the first step."""

    count: int
    """N."""
    observation_space: spaces.Space[Any]
    """Of one world."""
    action_space: spaces.Space[Any]
    """Of one world."""
    seconds_per_step: float
    """Simulated seconds of one step."""

    @property
    def capacity(self) -> int:
        """Steps that can be recorded between two calls of `take`."""
        ...

    def record(
        self,
        signals: Mapping[str, Signal],
        capacity: int,
        *,
        also: Mapping[str, Signal] | None = None,
        first: int = 0,
    ) -> None:
        """Record signals by name, as the simulator leaves them after a step and before any reset.

        Args:
            signals: What is recorded of every world.
            capacity: Steps between two calls of `take`.
            also: What is recorded beside it of the first worlds; the arrays hold anything for the others.
            first: How many worlds those are.
        """
        ...

    def reset(self, seeds: Sequence[int | None]) -> Any:
        """Start an episode in as many worlds, the first ones, as there are seeds, and drop what was recorded.

        Returns:
            The observations of all worlds.
        """
        ...

    def step(self, actions: npt.NDArray[Any], *, running: npt.NDArray[np.bool_] | None = None) -> Stepped:
        """Step every world, record, and reset those whose episode has ended.

        Args:
            actions: (N, ...), as the environment takes them.
            running: (N,): only these count and none is reset; what the others do meanwhile tells nothing.

        Raises:
            RuntimeError: `capacity` steps lie there that nobody has taken.
        """
        ...

    def take(self) -> Recording:
        """What happened since the last call, as views that the next step overwrites."""
        ...

    def close(self) -> None:
        """End the simulation; safe to repeat."""
        ...
