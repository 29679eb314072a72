"""The rows that a lock rests on: episodes, what the reward paid on them, and how the environment begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rewardsmith.domain.states import OPENING, SimulatorState
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.errors import StoreError
from rewardsmith.reward.process import RewardProcess
from rewardsmith.search.archive import paid_rows
from rewardsmith.store.arrays import read_arrays

PLAYERS = ("random", "idle", "reckless", "trained", "saturate", "oscillate", "die_early")
_BYTES = 64 << 20
_OPENING = "opening."
_PAID = "paid."
_STATE = "state."
_STEPPED = "stepped."

Columns = dict[str, npt.NDArray[np.float64]]


@dataclass(frozen=True)
class Recorded:
    """What a kept reward is asked about again."""

    rows: Probe
    """Whole episodes with the signals that the reward reads, float64 as float32."""
    scores: npt.NDArray[np.float64]
    """Of each episode, shape (episodes,)."""
    players: tuple[str, ...]
    """Who played each: one of `PLAYERS`."""
    paid: Columns
    """What the reward paid on each row: its components and `total`, shape (rows,)."""
    opening: Mapping[str, npt.NDArray[Any]]
    """Every signal in the first steps of the survey's random episodes."""
    lengths: npt.NDArray[np.int64]
    """Steps of each of the survey's random episodes."""
    states: tuple[SimulatorState, ...] = ()
    """States of the simulator; none where it is not MuJoCo, or the lock is older."""
    stepped: Probe | None = None
    """What follows from each state with every signal, an episode each."""

    def returns(self, total: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """What is paid over each episode, undiscounted, shape (episodes,)."""
        return self.rows.sums(total)

    def played(self, *players: str) -> npt.NDArray[np.bool_]:
        """Which episodes these players played."""
        return np.array([player in players for player in self.players], dtype=bool)

    @cached_property
    def packed(self) -> bytes:
        """The rows as a compressed array file: the same bytes for the same rows."""
        arrays: dict[str, npt.NDArray[Any]] = {**self.rows.arrays, "__starts__": self.rows.starts}
        arrays["__scores__"] = self.scores
        arrays["__lengths__"] = self.lengths
        arrays["__players__"] = np.array([PLAYERS.index(player) for player in self.players], dtype=np.int64)
        arrays |= {_PAID + name: column for name, column in self.paid.items()}
        arrays |= {_OPENING + name: array for name, array in self.opening.items()}
        if self.stepped is not None:
            arrays |= _packed_states(self.states) | {_STEPPED + "__starts__": self.stepped.starts}
            arrays |= {_STEPPED + name: array for name, array in self.stepped.arrays.items()}
        packed = BytesIO()
        np.savez_compressed(packed, **dict(sorted(arrays.items())))  # type: ignore[arg-type]  # its stub takes a name for an option
        return packed.getvalue()


def opening(survey: Survey, probe: Probe) -> dict[str, npt.NDArray[Any]]:
    """Every signal in the first steps of the random episodes, (episodes * `OPENING`, ...) but for shorter ones."""
    rows = np.concatenate([np.arange(each.start, min(each.stop, each.start + OPENING)) for each in probe.episodes()])
    return {signal.name: probe.arrays[signal.name][rows] for signal in survey.signals}


def lengths(survey: Survey) -> npt.NDArray[np.int64]:
    """Steps of each random episode."""
    return np.array([episode.length for episode in survey.episodes], dtype=np.int64)


def paid(process: RewardProcess, rows: Probe) -> Columns:
    """Every component and `total` on every row. Raises as `paid_rows`."""
    answer = paid_rows(process, rows, stream="check")
    return {**answer.components, "total": answer.total}


def unpack(path: Path, reads: Sequence[str]) -> Recorded:
    """The rows of a file that holds `Recorded.packed`.

    Raises:
        StoreError: It cannot be read, is damaged, or holds no such rows.
    """
    found = read_arrays(path.parent, path.name, limit=_BYTES)
    try:
        rows = Probe({name: found[name] for name in reads}, found["__starts__"].astype(np.bool_))
        players = tuple(PLAYERS[i] for i in found["__players__"].tolist())
        recorded = Recorded(
            rows=rows,
            scores=found["__scores__"].astype(np.float64),
            players=players,
            paid={name.removeprefix(_PAID): _column(found[name]) for name in found if name.startswith(_PAID)},
            opening={name.removeprefix(_OPENING): found[name] for name in found if name.startswith(_OPENING)},
            lengths=found["__lengths__"].astype(np.int64),
            states=_unpacked_states(found),
            stepped=_unpacked_steps(found),
        )
    except (KeyError, IndexError, ValueError) as error:
        raise StoreError(f"{path} does not hold what a lock rests on: {error}") from error
    lengths = {len(array) for array in (*recorded.rows.arrays.values(), *recorded.paid.values(), rows.starts)}
    episodes = {len(players), len(recorded.scores), len([*rows.episodes()])}
    if recorded.stepped is not None:
        steps = {len(array) for array in (*recorded.stepped.arrays.values(), recorded.stepped.starts)}
        whole = len(steps) == 1 and len([*recorded.stepped.episodes()]) == len(recorded.states)
    else:
        whole = True
    if len(lengths) != 1 or len(episodes) != 1 or not rows.starts.size or not rows.starts[0] or not whole:
        raise StoreError(f"{path} does not hold whole episodes", hint="write it again with `rewardsmith export --lock`")
    return recorded


def _packed_states(states: Sequence[SimulatorState]) -> dict[str, npt.NDArray[Any]]:
    """Their actions follow each other, `state.counts` of each state."""
    return {
        _STATE + "seeds": np.array([each.seed for each in states], dtype=np.int64),
        _STATE + "states": np.array([each.state for each in states], dtype=np.float64),
        _STATE + "counts": np.array([len(each.actions) for each in states], dtype=np.int64),
        _STATE + "actions": np.array([action for each in states for action in each.actions], dtype=np.float64),
    }


def _unpacked_states(found: Mapping[str, npt.NDArray[Any]]) -> tuple[SimulatorState, ...]:
    if _STATE + "seeds" not in found:
        return ()
    seeds, states, counts, actions = (found[_STATE + name] for name in ("seeds", "states", "counts", "actions"))
    parts = np.split(actions, np.cumsum(counts)[:-1])
    return tuple(
        SimulatorState.model_validate({"seed": seed, "state": state, "actions": part.tolist()})
        for seed, state, part in zip(seeds.tolist(), states.tolist(), parts, strict=True)
    )


def _unpacked_steps(found: Mapping[str, npt.NDArray[Any]]) -> Probe | None:
    arrays = {name.removeprefix(_STEPPED): found[name] for name in found if name.startswith(_STEPPED)}
    return Probe(arrays, arrays.pop("__starts__").astype(np.bool_)) if arrays else None


def _column(array: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    return array.astype(np.float64)
