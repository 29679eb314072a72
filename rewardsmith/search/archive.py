"""Archived episodes: what a training left of the episodes it was scored on, for any other reward to be asked about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rewardsmith.domain.survey import ARCHIVED, Probe, Signal
from rewardsmith.errors import StoreError
from rewardsmith.reward.process import Answer, RewardProcess
from rewardsmith.store.arrays import Layout, read_arrays

_BYTES = 256 << 20
_LANES = 32
"""Environments side by side in a request, at most."""


@dataclass(frozen=True)
class Archived:
    """Episodes that one agent played when it was scored, with every signal."""

    rows: Probe
    """What was float64 is float32, as it was archived."""
    scores: tuple[float, ...]
    """Of each episode."""
    steps: tuple[int, ...]
    """Training steps behind the policy that played each episode."""

    def best(self) -> Archived:
        """Those of the rung with the highest mean score."""
        steps, scores = np.asarray(self.steps), np.asarray(self.scores)
        rung = max(np.unique(steps), key=lambda rung: float(scores[steps == rung].mean()))
        return self.only(np.flatnonzero(steps == rung))

    def only(self, chosen: npt.NDArray[np.int64]) -> Archived:
        """Some of the episodes, by their places in increasing order."""
        scores, steps = (tuple(each[i] for i in chosen) for each in (self.scores, self.steps))
        return Archived(self.rows.only(chosen), scores, steps)

    def spread(self, count: int) -> Archived:
        """At most `count` of the episodes, evenly spaced by score, the best among them."""
        order = np.argsort(-np.asarray(self.scores), kind="stable")
        return self.only(np.sort(order[evenly(len(order), count)]))


def read_archive(out: Path, signals: Sequence[Signal]) -> Archived:
    """The episodes that a training archived in `out`.

    Raises:
        StoreError: There is no archive, or it is damaged.
    """
    expected = {s.name: _layout("float32" if s.dtype == "float64" else s.dtype, *s.shape) for s in signals}
    expected |= {name: _layout(dtype) for name, dtype in ARCHIVED.items()} | {"__starts__": _layout("bool")}
    arrays = read_arrays(out, "archive.npz", expected=expected, limit=_BYTES)
    starts, lengths, scores = arrays["__starts__"], arrays["__lengths__"], arrays["__scores__"]
    bounds = np.append(np.flatnonzero(starts), len(starts))
    sound = (
        len(lengths) > 0
        and len(starts) > 0
        and bool(starts[0])
        and np.array_equal(np.diff(bounds), lengths)
        and all(len(arrays[name]) == len(lengths) for name in ARCHIVED)
        and all(len(arrays[signal.name]) == len(starts) for signal in signals)
        and bool(np.isfinite(scores.astype(np.float64)).all())
    )
    if not sound:
        raise StoreError(f"{out / 'archive.npz'} does not hold whole episodes")
    kept: dict[str, npt.NDArray[Any]] = {signal.name: arrays[signal.name] for signal in signals}
    return Archived(Probe(kept, starts.astype(bool)), tuple(scores.tolist()), tuple(arrays["__steps__"].tolist()))


def returns(process: RewardProcess, rows: Probe, *, stream: str) -> npt.NDArray[np.float64]:
    """What a reward pays each recorded episode, undiscounted, shape (episodes,). Raises as `paid_rows`."""
    return rows.sums(paid_rows(process, rows, stream=stream).total)


def paid_rows(process: RewardProcess, rows: Probe, *, stream: str) -> Answer:
    """What a reward pays each row, arrays of shape (rows,); one request.

    Episodes are asked for side by side, as a reward with a memory is called once per step.

    Raises:
        RewardFailed: The reward failed on these rows.
        InfrastructureError: Its process could not be run.
    """
    places, real = _side_by_side(list(rows.episodes()))
    arrays = {name: rows.arrays[name][places] for name in process.reads}
    answer = process.ask(arrays, rows.starts[places], stream=stream)

    def in_order(column: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        found = np.empty(len(rows.starts))
        found[places[real]] = column[real]
        return found

    return Answer(in_order(answer.total), {name: in_order(each) for name, each in answer.components.items()})


def _side_by_side(episodes: Sequence[slice]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Where each row stands when the episodes are dealt to environments of about the same length, longest first.

    Returns:
        The row that stands at each step of each environment, (T, N), and whether it does, (T, N): a shorter
        environment is filled up with the first row of all, which begins an episode.
    """
    lengths = np.array([each.stop - each.start for each in episodes])
    width = int(np.clip(lengths.sum() // lengths.max(), 1, _LANES))
    lanes: list[list[int]] = [[] for _ in range(width)]
    filled = np.zeros(width, dtype=np.int64)
    for i in np.argsort(-lengths, kind="stable"):
        least = int(filled.argmin())
        lanes[least].append(int(i))
        filled[least] += lengths[i]
    places = np.zeros((filled.max(), width), dtype=np.int64)
    for column, lane in zip(places.T, lanes, strict=True):
        dealt = np.concatenate([np.arange(episodes[i].start, episodes[i].stop) for i in lane])
        column[: len(dealt)] = dealt
    return places, np.arange(len(places))[:, None] < filled


def evenly(length: int, count: int) -> npt.NDArray[np.int64]:
    """At most `count` of `length` places, evenly spaced from the first on."""
    places: npt.NDArray[np.int64] = np.linspace(0, length - 1, min(count, length)).astype(np.int64)
    return places


def narrow(array: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """The same, but float64 as float32, as archives are kept."""
    return array.astype(np.float32) if array.dtype == np.float64 else array


def _layout(dtype: str, *shape: int) -> Layout:
    return Layout(np.dtype(dtype), (None, *shape))
