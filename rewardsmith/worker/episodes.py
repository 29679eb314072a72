"""What the survey records of an episode, and the two policies that nobody has to train: idle and reckless."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from rewardsmith.export.discovery import FoundSignal
from rewardsmith.export.signals import SignalReader

__all__ = ["Episode", "Policy", "lost", "play_extremes"]

HOLD = 10
"""Steps for which a reckless action is held: drawn anew at every step, opposite forces would cancel."""

UNBOUNDED = 1.0
"""What counts as full force where an action has no bound."""

Policy = Literal["idle", "reckless"]
Floats = npt.NDArray[np.float64]


@dataclass
class Episode:
    """One episode: its rows as they are read, and how it ended."""

    rows: list[dict[str, npt.NDArray[Any]]] = field(default_factory=list)
    terminated: bool = False


def lost(found: Mapping[str, FoundSignal], info: Mapping[str, Any]) -> list[str]:
    """Signals of `info` that this step lacks or gives in another shape: a signal is there in every step."""
    missing = []
    for name, signal in found.items():
        if signal.reader.startswith("info:") and "@" not in signal.reader:
            value = info.get(signal.reader.removeprefix("info:"))
            if value is None or np.shape(value) != signal.shape:
                missing.append(name)
    return missing


def play_extremes(
    env: gymnasium.Env[Any, Any], found: Mapping[str, FoundSignal], *, seed: int, episodes: int
) -> dict[Policy, list[Episode]]:
    """Play `episodes` of both policies from the same states.

    A policy under which a signal is missing in some step is left out, and so are both where actions have no two ends.
    """
    space = env.action_space
    ends = _ends(space)
    if ends is None:
        return {}
    reader = SignalReader(env, {name: signal.reader for name, signal in found.items()})
    played: dict[Policy, list[Episode]] = {}
    for name, policy in _POLICIES.items():
        random = np.random.default_rng(seed)
        starts = random.integers(2**31, size=episodes)
        with contextlib.suppress(KeyError):
            played[name] = [_play(env, reader, found, policy(*ends, random), int(start)) for start in starts]
    return played


def _play(
    env: gymnasium.Env[Any, Any],
    reader: SignalReader,
    found: Mapping[str, FoundSignal],
    actions: Iterator[Floats],
    seed: int,
) -> Episode:
    """One episode from one state. Raises KeyError where a signal is missing in some step."""
    episode = Episode()
    env.reset(seed=seed)
    for values in actions:
        action = np.asarray(values, dtype=env.action_space.dtype)[()]
        observation, _, terminated, truncated, info = env.step(action)
        if missing := lost(found, info):
            raise KeyError(missing[0])
        episode.rows.append(reader.read(observation, action, bool(terminated), info))
        if terminated or truncated:
            episode.terminated = bool(terminated)
            break
    return episode


def _idle(low: Floats, high: Floats, random: np.random.Generator) -> Iterator[Floats]:
    """No action, or the nearest to it that is allowed; of a discrete action always the first."""
    del random
    while True:
        yield np.clip(0.0, low, high)


def _reckless(low: Floats, high: Floats, random: np.random.Generator) -> Iterator[Floats]:
    """Every entry at one of its ends, drawn anew every `HOLD` steps."""
    while True:
        force = np.where(random.random(low.shape) < 0.5, low, high)
        for _ in range(HOLD):
            yield force


_POLICIES: dict[Policy, Callable[[Floats, Floats, np.random.Generator], Iterator[Floats]]] = {
    "idle": _idle,
    "reckless": _reckless,
}


def _ends(space: gymnasium.Space[Any]) -> tuple[Floats, Floats] | None:
    """Least and greatest value of every entry of an action."""
    match space:
        case spaces.Box(low=low, high=high):
            ends = np.where(np.isfinite(low), low, -UNBOUNDED), np.where(np.isfinite(high), high, UNBOUNDED)
        case spaces.Discrete(start=start, n=count) | spaces.MultiDiscrete(start=start, nvec=count):
            ends = start, start + count - 1
        case spaces.MultiBinary(shape=shape):
            ends = np.zeros(shape), np.ones(shape)
        case _:
            return None
    return np.asarray(ends[0], dtype=np.float64), np.asarray(ends[1], dtype=np.float64)
