"""The shared arrays of one simulation, whichever it is. Far side: Python 3.8, numpy only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rewardsmith.worker.backends.foreign.channel import Fault
from rewardsmith.worker.backends.foreign.memory import Field, SharedArrays, too_large

__all__ = ["Shared", "fields_of"]


def fields_of(space: dict[str, Any], name: str, count: int) -> list[Field]:
    """A batch of elements of a space, as `spaces.describe` tells it; of a Dict space an array for each key."""
    kind = space["kind"]
    if kind == "Dict":
        return [f for key, part in space["spaces"].items() for f in fields_of(part, f"{name}:{key}", count)]
    shape: tuple[int, ...] = tuple(space.get("shape", [len(space["nvec"])] if "nvec" in space else []))
    return [Field(name, {"Box": space.get("dtype", ""), "MultiBinary": "int8"}.get(kind, "int64"), (count, *shape))]


class Shared:
    """What crosses at each step: actions in, all else out.

    Args:
        descriptor: The shared file.
        count: Worlds.
        observation: Space of one observation, described.
        action: Space of one action, described.
    """

    def __init__(self, descriptor: int, count: int, observation: dict[str, Any], action: dict[str, Any]) -> None:
        self._descriptor, self.count = descriptor, count
        self._always = [
            *fields_of(action, "action", count),
            *fields_of(observation, "observation", count),
            *fields_of(observation, "last", count),
            Field("stock", "float64", (count,)),
            *(Field(name, "bool", (count,)) for name in ("terminated", "truncated", "running")),
        ]
        self.names: list[str] = []
        self.arrays: dict[str, Any] = {}

    def allot(self, signals: Sequence[tuple[str, str, Sequence[int]]]) -> dict[str, Any]:
        """Make room for one row of these signals (name, dtype, shape) beside the rest; tells the layout.

        Raises:
            Fault: They are too large.
        """
        fields = [*self._always, Field("present", "bool", (self.count, len(signals)))]
        fields += [Field("signal:" + name, dtype, (self.count, *tuple(shape))) for name, dtype, shape in signals]
        large = too_large(fields)
        if large:
            raise Fault(large, "take fewer environments, or leave large arrays out of [signals]")
        self.names = [name for name, _, _ in signals]
        self.arrays = SharedArrays(self._descriptor, fields, creates=True).arrays
        return {"fields": [[field.name, field.dtype, list(field.shape)] for field in fields]}

    def put(self, what: str, world: Any, observation: Any) -> None:
        """Store an `observation`, or a `last` one, of one world or of several."""
        if isinstance(observation, dict):
            for key, part in observation.items():
                self.arrays[f"{what}:{key}"][world] = part
        else:
            self.arrays[what][world] = observation

    def signal(self, name: str, world: Any, value: Any) -> None:
        """Store a signal of one world or of several; None, or another shape, is told as missing."""
        array, place = self.arrays["signal:" + name], self.names.index(name)
        fits = value is not None and np.shape(value) == array[world].shape
        self.arrays["present"][world, place] = fits
        if fits:
            array[world] = value

    def spread(self, table: Any) -> None:
        """Store every signal of every world from a table (worlds, numbers): side by side, as they were allotted."""
        place = 0
        for name in self.names:
            array = self.arrays["signal:" + name]
            width = array[0].size
            array[...] = table[:, place : place + width].reshape(array.shape)
            place += width
        self.arrays["present"][...] = True
