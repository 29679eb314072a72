"""Files that appear whole or not at all, and weights that are read back exactly."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import safetensors.numpy
import torch

from rewardsmith.store.arrays import Layout, read_tensors

__all__ = ["as_tensors", "read_weights", "write_arrays", "write_json", "write_tensors", "write_text"]


def write_text(path: Path, text: str, *, durable: bool = True) -> None:
    """Replace `path` atomically; `durable` waits until it is on the disk."""
    _replace(path, lambda file: file.write(text.encode()), durable=durable)


def write_json(path: Path, value: Any) -> None:
    """Replace `path` atomically; floats are written so that they are read back exactly."""
    write_text(path, json.dumps(value))


def write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[Any]], *, compress: bool = False) -> None:
    """Replace an `.npz` atomically."""
    save: Any = np.savez_compressed if compress else np.savez
    _replace(path, lambda file: save(file, allow_pickle=False, **arrays))


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """Replace a safetensors file atomically."""
    write_bytes = safetensors.numpy.save({name: _numpy(tensor) for name, tensor in tensors.items()})
    _replace(path, lambda file: file.write(write_bytes))


def read_weights(folder: Path, name: str, expected: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """What `write_tensors` wrote: finite tensors of the names, types and shapes of `expected`. Raises StoreError."""
    wanted = {key: Layout(_numpy(tensor).dtype, tuple(tensor.shape)) for key, tensor in expected.items()}
    return as_tensors(read_tensors(folder, name, expected=wanted))


def as_tensors(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, torch.Tensor]:
    """Copies of arrays as tensors."""
    return {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}


def _replace(path: Path, write: Callable[[IO[bytes]], object], *, durable: bool = True) -> None:
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        write(file)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    part.replace(path)


def _numpy(tensor: torch.Tensor) -> npt.NDArray[Any]:
    array: npt.NDArray[Any] = tensor.detach().cpu().contiguous().numpy()
    return array
