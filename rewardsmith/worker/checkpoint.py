"""What a rung leaves behind: everything that the rest of the training is a function of, beside the job.

A checkpoint holds weights, optimisers, normalisers, counters, statistics, the best rung's weights, the archive so far
and, off policy, the replay buffer. Generators need no place in it: each rung seeds them all from the job's seed and its
own number, and starts with fresh episodes.

    checkpoint/current.json     {"rung": 2}: which folder holds; replaced last, so that a torn write is never read
    checkpoint/2/               state.json model.safetensors best.safetensors arrays.npz best.npz archive.npz replay/
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from stable_baselines3.common.buffers import ReplayBuffer

from rewardsmith.domain.record import Record
from rewardsmith.domain.report import ComponentPoint, EpisodePoint, Rung
from rewardsmith.errors import StoreError
from rewardsmith.store.arrays import Layout, layouts, read_arrays, read_tensors
from rewardsmith.store.untrusted import read_record
from rewardsmith.worker.archive import Archive
from rewardsmith.worker.buffers import REPLAY_ARRAYS
from rewardsmith.worker.files import as_tensors, read_weights, write_arrays, write_tensors, write_text
from rewardsmith.worker.policy import Weights
from rewardsmith.worker.weights import Rest

__all__ = ["Checkpoint", "State", "Statistics", "load_checkpoint", "load_replay", "save_checkpoint"]

_PART_BYTES = 256 << 20


class Statistics(Record):
    """What `TrainingStatistics` keeps."""

    steps: int = Field(ge=0)
    open: dict[str, tuple[float, float, float, float, float, float]]
    ended: int = Field(ge=0)
    lengths: int = Field(ge=0)
    points: dict[str, tuple[ComponentPoint, ...]]
    episodes: tuple[EpisodePoint, ...]
    held_out: dict[str, tuple[float, ...]]
    scores: tuple[float, ...]


class State(Record):
    """What is no array: `state.json`."""

    model: Rest
    """Optimisers and counters of the algorithm."""
    statistics: Statistics
    """Of rewards and training episodes."""
    rungs: tuple[Rung, ...] = Field(min_length=1)
    """Scores so far."""
    best: int = Field(ge=0)
    """Index of the best rung."""
    scoring_steps: int = Field(ge=0)
    """Environment steps spent on scoring."""
    learning_s: float = Field(ge=0)
    """Seconds of training."""
    wall_s: float = Field(ge=0)
    """Seconds in all."""
    curve: tuple[dict[str, int | float | None], ...]
    """Rows of the learning curve."""


class _Current(Record):
    """Which checkpoint is whole: `current.json`."""

    rung: int = Field(ge=1, le=10**6)


class _Replay(Record):
    """Where a replay buffer stands: `replay.json`."""

    pos: int = Field(ge=0)
    full: bool


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
    state: State
    """The rest."""


def save_checkpoint(folder: Path, checkpoint: Checkpoint, replay: ReplayBuffer | None) -> None:
    """Write the checkpoint beside the last one, then point to it, then drop the last one."""
    target = folder / str(checkpoint.rung)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    write_text(target / "state.json", checkpoint.state.model_dump_json())
    write_tensors(target / "model.safetensors", checkpoint.tensors)
    write_tensors(target / "best.safetensors", checkpoint.best.tensors)
    write_arrays(target / "arrays.npz", checkpoint.normalisation)
    write_arrays(target / "best.npz", checkpoint.best.normalisation)
    write_arrays(target / "archive.npz", checkpoint.archive)
    if replay is not None:
        _save_replay(target / "replay", replay)
    write_text(folder / "current.json", _Current(rung=checkpoint.rung).model_dump_json())
    for other in folder.iterdir():
        if other.is_dir() and other != target:
            shutil.rmtree(other)


def load_checkpoint(out: Path, now: Weights, archive: Archive, *, rungs: int) -> tuple[Checkpoint, Path] | None:
    """The newest checkpoint and where it lies; None where no rung was finished.

    Args:
        out: The `out/` of an earlier attempt at the same job.
        now: The policy as it is: names, types and shapes of what is read must be the same.
        archive: An archive of this training: what is read must be one too.
        rungs: Rungs of the whole training.

    Raises:
        StoreError: It is damaged, or another training's.
    """
    if not os.path.lexists(out / "checkpoint" / "current.json"):
        return None
    rung = read_record(out, "checkpoint/current.json", _Current).rung
    at = f"checkpoint/{rung}"
    state = read_record(out, f"{at}/state.json", State)
    if rung > rungs or len(state.rungs) != rung or state.best >= rung:
        raise StoreError(f"{out / at / 'state.json'} does not tell of {rung} rungs")
    statistics = layouts(now.normalisation)
    checkpoint = Checkpoint(
        rung=rung,
        tensors=as_tensors(read_tensors(out, f"{at}/model.safetensors")),
        normalisation=read_arrays(out, f"{at}/arrays.npz", expected=statistics, finite=True),
        best=Weights(
            read_weights(out, f"{at}/best.safetensors", now.tensors),
            read_arrays(out, f"{at}/best.npz", expected=statistics, finite=True),
        ),
        archive=read_arrays(out, f"{at}/archive.npz", expected=archive.layouts(rung)),
        state=state,
    )
    return checkpoint, out / at


def _save_replay(folder: Path, replay: ReplayBuffer) -> None:
    folder.mkdir()
    state = _Replay(pos=replay.pos, full=replay.full)
    write_text(folder / "replay.json", state.model_dump_json())
    for name, array in _replay_arrays(replay).items():
        for number, rows in enumerate(_parts(array, replay.size())):
            write_arrays(folder / f"{name}-{number}.npz", {"rows": array[rows]})


def load_replay(folder: Path, replay: ReplayBuffer) -> None:
    """Fill a replay buffer of the same size with what was saved. Raises StoreError; the buffer is then still empty."""
    state = read_record(folder, "replay/replay.json", _Replay)
    if state.pos >= replay.buffer_size:
        raise StoreError(f"{folder / 'replay' / 'replay.json'} is of a larger buffer")
    filled = replay.buffer_size if state.full else state.pos
    for name, array in _replay_arrays(replay).items():
        for number, rows in enumerate(_parts(array, filled)):
            expected = {"rows": Layout(array.dtype, array[rows].shape)}
            array[rows] = read_arrays(folder, f"replay/{name}-{number}.npz", expected=expected)["rows"]
    replay.pos, replay.full = state.pos, state.full


def _replay_arrays(replay: ReplayBuffer) -> dict[str, npt.NDArray[Any]]:
    arrays: dict[str, npt.NDArray[Any]] = {}
    for name in REPLAY_ARRAYS:
        held = getattr(replay, name)
        arrays |= {f"{name}.{key}": part for key, part in held.items()} if isinstance(held, dict) else {name: held}
    return arrays


def _parts(array: npt.NDArray[Any], filled: int) -> list[slice]:
    rows = max(1, _PART_BYTES // max(1, int(np.prod(array.shape[1:])) * array.itemsize))
    return [slice(first, min(first + rows, filled)) for first in range(0, filled, rows)]
