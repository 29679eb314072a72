"""Scored episodes kept with every signal, so that any new reward can be evaluated on them without a simulator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rewardsmith.domain.survey import ARCHIVED, Signal
from rewardsmith.store.arrays import Layout
from rewardsmith.worker.scoring import ScoredEpisode

__all__ = ["Archive"]

_BYTES = 8 << 20
"""Uncompressed size that one training's archive stays under, unless a single episode is larger."""


class Archive:
    """Keeps the first episodes of evenly spaced rungs, the last rung among them, float64 as float32.

    Which rungs, and how many episodes of each, follows from the size of a whole episode before training starts, so
    that an interrupted training keeps the same ones.

    Its arrays are one per signal, shape (rows, ...), and `__starts__` (rows,) as in the survey's `probe.npz`; beside
    them, one entry per episode: `__lengths__`, `__scores__`, `__success__` (1, 0, or -1 without a verdict),
    `__terminated__`, and `__steps__`, the training steps behind the policy that played it.
    """

    def __init__(self, signals: Iterable[Signal], *, horizon: int, rungs: int, episodes: int) -> None:
        self._signals = tuple(signals)
        width = sum(int(np.prod(s.shape)) * {"float64": 4, "int64": 8, "bool": 1}[s.dtype] for s in self._signals)
        fit = max(1, _BYTES // max(1, width * horizon))
        kept = min(rungs, fit)
        self.per_rung = min(episodes, fit // kept)
        self.rungs = frozenset(rungs - 1 - (i * rungs) // kept for i in range(kept))
        self._parts: dict[str, list[npt.NDArray[Any]]] = {}

    def add(self, rung: int, steps: int, episodes: Sequence[ScoredEpisode]) -> None:
        """Keep what is to be kept of one rung's held-out episodes."""
        if rung not in self.rungs:
            return
        for episode in episodes[: self.per_rung]:
            starts = np.zeros(episode.length, dtype=bool)
            starts[0] = True
            success = -1 if episode.success is None else int(episode.success)
            self._append("__starts__", starts)
            self._append("__lengths__", np.array([episode.length]))
            self._append("__scores__", np.array([episode.score], dtype=np.float64))
            self._append("__success__", np.array([success], dtype=np.int8))
            self._append("__terminated__", np.array([episode.terminated]))
            self._append("__steps__", np.array([steps]))
            for signal in self._signals:
                array = episode.arrays[signal.name]
                self._append(signal.name, array.astype(np.float32) if signal.dtype == "float64" else array)

    def dump(self) -> dict[str, npt.NDArray[Any]]:
        """Everything kept so far."""
        return {name: np.concatenate(parts) for name, parts in self._parts.items()}

    def layouts(self, done: int) -> dict[str, Layout]:
        """What `dump` gives after `done` rungs, of any number of rows and episodes."""
        if not self.rungs & set(range(done)):
            return {}
        kept = {"float64": "float32", "int64": "int64", "bool": "bool"}
        signals = {s.name: Layout(np.dtype(kept[s.dtype]), (None, *s.shape)) for s in self._signals}
        return signals | {
            name: Layout(np.dtype(kind), (None,)) for name, kind in ({"__starts__": "bool"} | ARCHIVED).items()
        }

    def load(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Continue from what `dump` gave."""
        self._parts = {name: [array] for name, array in arrays.items()}

    def _append(self, name: str, part: npt.NDArray[Any]) -> None:
        self._parts.setdefault(name, []).append(part)
