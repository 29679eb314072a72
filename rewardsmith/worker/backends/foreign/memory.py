"""Arrays that a worker and its simulator share: one anonymous file, mapped on both sides.

Used on both sides: Python 3.8, standard library and numpy only.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = ["MOST", "Field", "SharedArrays", "too_large"]

MOST = 4 << 30
"""Bytes of all arrays together."""
_ALIGNED = 64


class Field(NamedTuple):
    """One array: name, numpy type such as `float32`, shape."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        size = np.dtype(self.dtype).itemsize
        for length in self.shape:
            size *= length
        return size


class SharedArrays:
    """The arrays of `fields`, by name, in the file `descriptor`; whoever `creates` them gives the file its size."""

    def __init__(self, descriptor: int, fields: Sequence[Field], *, creates: bool = False) -> None:
        places: list[int] = []
        size = 0
        for field in fields:
            places.append(size)
            size += -(-field.nbytes // _ALIGNED) * _ALIGNED
        if creates:
            os.ftruncate(descriptor, max(size, 1))
        if os.fstat(descriptor).st_size < size:
            raise ValueError("the shared file is smaller than its arrays")
        self._map = mmap.mmap(descriptor, max(size, 1))
        self.arrays: dict[str, Any] = {
            field.name: np.frombuffer(self._map, field.dtype, int(np.prod(field.shape, dtype=np.int64)), place).reshape(
                field.shape
            )
            for field, place in zip(fields, places)  # noqa: B905 - Python 3.8
        }

    def __getitem__(self, name: str) -> Any:
        return self.arrays[name]


def too_large(fields: Sequence[Field]) -> str:
    """What is too large about these arrays; empty where they fit."""
    size = sum(field.nbytes for field in fields)
    if size <= MOST:
        return ""
    largest = max(fields, key=lambda field: field.nbytes)
    return (
        f"{size >> 20} MiB of arrays, of which {largest.name!r} alone has {largest.nbytes >> 20} MiB; "
        f"{MOST >> 20} MiB is the most"
    )
