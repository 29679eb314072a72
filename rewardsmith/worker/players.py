"""Policies that nobody has to train: idle and reckless ones for the survey, further ones for rewards that are kept."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Literal

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from rewardsmith.domain.states import ScriptedPolicy
from rewardsmith.worker.episodes import Episode, Stage

__all__ = ["Policy", "play_extremes", "play_random", "play_scripted"]

HOLD = 10
"""Steps for which a reckless action is held: drawn anew at every step, opposite forces would cancel."""

UNBOUNDED = 1.0
"""What counts as full force where an action has no bound."""

PERIODS = (2, 10, 50)
"""Steps of a whole oscillation."""

SOON = 100
"""Steps within which an episode that dies early has ended."""

CORNERS = 4
"""Corners of the action space that are held to find what ends an episode soonest, beside its two ends."""

Policy = Literal["idle", "reckless"]
Floats = npt.NDArray[np.float64]
Behaviour = Callable[[Floats, Floats, np.random.Generator], Iterator[Floats]]


def play_extremes(stage: Stage, *, seed: int, episodes: int) -> dict[Policy, list[Episode]]:
    """Play `episodes` of idle and reckless actions from the same states.

    A policy under which a signal is missing in some step is left out, and so are both where actions have no two ends.
    """
    ends = _ends(stage.env.action_space)
    if ends is None:
        return {}
    played: dict[Policy, list[Episode]] = {}
    for name, policy in _POLICIES.items():
        random = np.random.default_rng(seed)
        starts = random.integers(2**31, size=episodes)
        with contextlib.suppress(KeyError):
            played[name] = [stage.play(policy(*ends, random), int(start)) for start in starts]
    return played


def play_random(stage: Stage, *, seed: int, most: int) -> Episode:
    """One episode of uniformly drawn actions, of at most so many steps. Raises KeyError as `Stage.play`."""
    space = stage.env.action_space
    space.seed(seed)
    return stage.play((np.asarray(space.sample()) for _ in range(most)), seed)


def play_scripted(stage: Stage, *, seed: int) -> dict[ScriptedPolicy, list[Episode]]:
    """Play what saturates, what oscillates and what dies early; left out as in `play_extremes`.

    An episode that dies early is the one that ended itself soonest of all that begin in a state, actions being held in
    a corner, oscillating or reckless; there is none where nothing ends within `SOON` steps.
    """
    ends = _ends(stage.env.action_space)
    if ends is None:
        return {}
    random = np.random.default_rng(seed)
    starts = [int(start) for start in random.integers(2**31, size=len(PERIODS))]
    waves = [_oscillating(period) for period in PERIODS]
    corners: list[Behaviour] = [_held(0.0), _held(1.0), _held(0.5)]
    tried = [*corners, *[_held(0.5)] * CORNERS, *waves, _reckless]
    played: dict[ScriptedPolicy, list[Episode]] = {}
    with contextlib.suppress(KeyError):
        held: tuple[ScriptedPolicy, ScriptedPolicy] = ("saturate", "oscillate")
        for name, behaviours in zip(held, (corners, waves), strict=True):
            played[name] = [stage.play(b(*ends, random), s) for b, s in zip(behaviours, starts, strict=True)]
        soonest = [_soonest(stage, [policy(*ends, random) for policy in tried], start) for start in starts]
        if died := [episode for episode in soonest if episode is not None]:
            played["die_early"] = died
    return played


def _soonest(stage: Stage, tried: list[Iterator[Floats]], start: int) -> Episode | None:
    """The shortest of the episodes that end themselves."""
    best, most = None, SOON
    for actions in tried:
        episode = stage.play(actions, start, most)
        if episode.terminated:
            best, most = episode, len(episode.rows) - 1
        if not most:
            break
    return best


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


def _held(share: float) -> Behaviour:
    """Every entry at one of its ends for good, such a share of them at the upper one."""

    def held(low: Floats, high: Floats, random: np.random.Generator) -> Iterator[Floats]:
        force = np.where(random.random(low.shape) < share, high, low)
        while True:
            yield force

    return held


def _oscillating(period: int) -> Behaviour:
    """Every entry from one of its ends to the other and back, within `period` steps."""

    def oscillating(low: Floats, high: Floats, random: np.random.Generator) -> Iterator[Floats]:
        up = random.random(low.shape) < 0.5
        while True:
            for _ in range(period // 2):
                yield np.where(up, high, low)
            up = ~up

    return oscillating


_POLICIES: dict[Policy, Behaviour] = {"idle": _idle, "reckless": _reckless}


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
