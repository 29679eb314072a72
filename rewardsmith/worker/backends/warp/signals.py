"""Reads signals of N worlds on the device: the addresses of `rewardsmith.export.signals`, batched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from rewardsmith.domain.survey import Signal
from rewardsmith.errors import TaskError
from rewardsmith.export.signals import split_index
from rewardsmith.worker.backends.readers import Read, simulated
from rewardsmith.worker.backends.warp.state import State

__all__ = ["WorldReader"]


class WorldReader:
    """Reads signals of every world after a step.

    Args:
        model: The MjModel.
        signals: What to read, by name.

    Raises:
        TaskError: an address that MuJoCo Warp's worlds do not have.
    """

    def __init__(self, model: Any, signals: Mapping[str, Signal]) -> None:
        self._model = model
        self._reads = {name: self._bind(name, signal.reader) for name, signal in signals.items()}
        self.momentum = any(signal.reader.startswith("model:center_of_mass_velocity") for signal in signals.values())
        """Whether the simulation must keep velocities of subtrees up to date."""

    def read(self, s: State, step: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Every signal, (N, ...), float32 or the step's own type.

        Args:
            s: The worlds, after the step and before any reset.
            step: `observation`, `action`, `terminated`, and `info:KEY` for each entry of `info`.
        """
        rows = {}
        for name, (read, key, index) in self._reads.items():
            value = step[key] if read is None else read(s)
            rows[name] = value if index is None else value.flatten(1)[:, index]
        return rows

    def _bind(self, name: str, address: str) -> tuple[Read | None, str, Any]:
        base, index = split_index(address)
        kind, _, rest = base.partition(":")
        entries = list(index) if isinstance(index, tuple) else index
        if kind in ("observation", "action", "terminated") and not rest:
            return None, kind, entries
        if kind == "info":
            return None, base, entries
        try:
            return simulated(self._model, kind, rest, torch.linalg.cross), "", entries
        except (KeyError, ValueError) as error:
            raise TaskError(f"signal {name!r}: {address!r} cannot be read from MuJoCo Warp") from error
