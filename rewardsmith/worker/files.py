"""Files that appear whole or not at all, and readers that follow no link and unpickle nothing."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import safetensors.numpy
import torch

__all__ = ["read_arrays", "read_json", "read_tensors", "write_arrays", "write_json", "write_tensors", "write_text"]

Arrays = dict[str, npt.NDArray[Any]]


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
    arrays = {name: np.ascontiguousarray(tensor.detach().cpu().numpy()) for name, tensor in tensors.items()}
    write_bytes = safetensors.numpy.save(arrays)
    _replace(path, lambda file: file.write(write_bytes))


def read_json(path: Path) -> Any:
    """What `write_json` wrote."""
    with _open(path) as file:
        return json.load(file)


def read_arrays(path: Path) -> Arrays:
    """What `write_arrays` wrote."""
    with _open(path) as file, np.load(file, allow_pickle=False) as found:
        return {name: found[name] for name in found.files}


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """What `write_tensors` wrote."""
    with _open(path) as file:
        arrays = safetensors.numpy.load(file.read())
    return {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}


def _replace(path: Path, write: Callable[[IO[bytes]], object], *, durable: bool = True) -> None:
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        write(file)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    part.replace(path)


@contextlib.contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
        yield file
