"""What a rung leaves behind: everything that the rest of the training is a function of, beside the job.

A checkpoint holds weights, optimisers, normalisers, counters, statistics, the best rung's weights, the archive so far
and, off policy, the replay buffer. Generators need no place in it: each rung seeds them all from the job's seed and its
own number, and starts with fresh episodes.

    checkpoint/current.json     {"rung": 2}: which folder holds; replaced last, so that a torn write is never read
    checkpoint/2/               state.json model.safetensors best.safetensors arrays.npz best.npz archive.npz replay/
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from stable_baselines3.common.buffers import ReplayBuffer

from rewardsmith.worker.buffers import REPLAY_ARRAYS
from rewardsmith.worker.files import read_arrays, read_json, read_tensors, write_arrays, write_json, write_tensors
from rewardsmith.worker.policy import Weights

__all__ = ["Checkpoint", "load_checkpoint", "load_replay", "save_checkpoint"]

_PART_BYTES = 256 << 20


@dataclass(frozen=True)
class Checkpoint:
    """The state between two rungs."""

    rung: int
    """Rungs done."""
    tensors: Mapping[str, torch.Tensor]
    """Parameters and optimisers."""
    normalisation: Mapping[str, npt.NDArray[Any]]
    """Statistics of observations and rewards."""
    best: Weights
    """Weights of the best rung so far."""
    archive: Mapping[str, npt.NDArray[Any]]
    """Scored episodes so far."""
    state: Mapping[str, Any]
    """The rest, as JSON."""


def save_checkpoint(folder: Path, checkpoint: Checkpoint, replay: ReplayBuffer | None) -> None:
    """Write the checkpoint beside the last one, then point to it, then drop the last one."""
    target = folder / str(checkpoint.rung)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    write_json(target / "state.json", dict(checkpoint.state))
    write_tensors(target / "model.safetensors", checkpoint.tensors)
    write_tensors(target / "best.safetensors", checkpoint.best.tensors)
    write_arrays(target / "arrays.npz", checkpoint.normalisation)
    write_arrays(target / "best.npz", checkpoint.best.normalisation)
    write_arrays(target / "archive.npz", checkpoint.archive)
    if replay is not None:
        _save_replay(target / "replay", replay)
    write_json(folder / "current.json", {"rung": checkpoint.rung})
    for other in folder.iterdir():
        if other.is_dir() and other != target:
            shutil.rmtree(other)


def load_checkpoint(folder: Path) -> tuple[Checkpoint, Path] | None:
    """The newest checkpoint and where it lies; None where no rung was finished."""
    try:
        rung = int(read_json(folder / "current.json")["rung"])
    except FileNotFoundError:
        return None
    source = folder / str(rung)
    best = Weights(read_tensors(source / "best.safetensors"), read_arrays(source / "best.npz"))
    checkpoint = Checkpoint(
        rung=rung,
        tensors=read_tensors(source / "model.safetensors"),
        normalisation=read_arrays(source / "arrays.npz"),
        best=best,
        archive=read_arrays(source / "archive.npz"),
        state=read_json(source / "state.json"),
    )
    return checkpoint, source


def _save_replay(folder: Path, replay: ReplayBuffer) -> None:
    folder.mkdir()
    filled = replay.buffer_size if replay.full else replay.pos
    write_json(folder / "replay.json", {"pos": replay.pos, "full": replay.full, "filled": filled})
    for name, array in _replay_arrays(replay).items():
        for number, rows in enumerate(_parts(array, filled)):
            write_arrays(folder / f"{name}-{number}.npz", {"rows": array[rows]})


def load_replay(folder: Path, replay: ReplayBuffer) -> None:
    """Fill a replay buffer of the same size with what was saved."""
    state = read_json(folder / "replay" / "replay.json")
    for name, array in _replay_arrays(replay).items():
        for number, rows in enumerate(_parts(array, state["filled"])):
            array[rows] = read_arrays(folder / "replay" / f"{name}-{number}.npz")["rows"]
    replay.pos, replay.full = state["pos"], state["full"]


def _replay_arrays(replay: ReplayBuffer) -> dict[str, npt.NDArray[Any]]:
    arrays: dict[str, npt.NDArray[Any]] = {}
    for name in REPLAY_ARRAYS:
        held = getattr(replay, name)
        arrays |= {f"{name}.{key}": part for key, part in held.items()} if isinstance(held, dict) else {name: held}
    return arrays


def _parts(array: npt.NDArray[Any], filled: int) -> list[slice]:
    rows = max(1, _PART_BYTES // max(1, int(np.prod(array.shape[1:])) * array.itemsize))
    return [slice(first, min(first + rows, filled)) for first in range(0, filled, rows)]
