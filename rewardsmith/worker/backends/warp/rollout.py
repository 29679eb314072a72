"""What N worlds went through, kept on their device and brought to the host once per rollout."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import torch
from torch import Tensor

from rewardsmith.domain.survey import Signal
from rewardsmith.worker.recording import Recording

__all__ = ["Rollout"]

_MARKS = ("starts", "terminated", "truncated", "stock")


class Rollout:
    """One block of float32 on the device, with a part for each signal, and its copy in float64 on the host.

    Args:
        signals: What is recorded.
        capacity: Steps between two calls of `take`.
        count: N.
        device: Where the worlds are.
    """

    def __init__(self, signals: Mapping[str, Signal], capacity: int, count: int, device: torch.device) -> None:
        shapes = {f"signal {name}": signal.shape for name, signal in signals.items()} | dict.fromkeys(_MARKS, ())
        sizes = [capacity * count * prod(shape) for shape in shapes.values()]
        self._store = torch.zeros(sum(sizes), dtype=torch.float32, device=device)
        self._host = torch.zeros(sum(sizes), dtype=torch.float64, pin_memory=device.type == "cuda")

        def parts(block: Tensor) -> dict[str, Tensor]:
            cut = zip(shapes.items(), torch.split(block, sizes), strict=True)
            return {name: part.view(capacity, count, *shape) for (name, shape), part in cut}

        self._rows, self._copies = parts(self._store), parts(self._host)
        self._signals = dict(signals)
        self.capacity = capacity
        self.filled = 0

    def add(
        self, signals: Mapping[str, Tensor], starts: Tensor, terminated: Tensor, truncated: Tensor, stock: Tensor
    ) -> None:
        """Keep one step, (N, ...) each. Raises RuntimeError when there is no room."""
        if self.filled == self.capacity:
            raise RuntimeError(f"the recorder holds {self.filled} steps that nobody has taken")
        rows, t = self._rows, self.filled
        for name, value in signals.items():
            rows[f"signal {name}"][t] = value
        for name, value in zip(_MARKS, (starts, terminated, truncated, stock), strict=True):
            rows[name][t] = value
        self.filled = t + 1

    def take(self) -> Recording:
        """The steps kept since the last call, as views that the next call overwrites."""
        rows, self.filled = self.filled, 0
        self._host.copy_(self._store)
        host = {name: part[:rows].numpy() for name, part in self._copies.items()}
        arrays = {name: host[f"signal {name}"].astype(s.dtype, copy=False) for name, s in self._signals.items()}
        starts, terminated, truncated = (host[name].astype(bool) for name in _MARKS[:3])
        return Recording(arrays, starts, terminated, truncated, host["stock"])
