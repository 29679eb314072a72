"""Held-out episodes: deterministic actions, frozen normalisation, seeds that no training uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from rewardsmith.domain.survey import Signal
from rewardsmith.reward.process import ScoreProcess
from rewardsmith.worker.backends.worlds import Worlds
from rewardsmith.worker.recording import Recording
from rewardsmith.worker.rewards import RewardSource
from rewardsmith.worker.statistics import TOTAL

__all__ = ["Actor", "HeldOut", "ScoredEpisode"]


class Actor(Protocol):
    """Acts on a batch of raw observations; `starts` (N,) is true where an episode begins."""

    def __call__(self, observations: Any, starts: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
        """Actions as the environments take them, (N, ...)."""
        ...


@dataclass(frozen=True)
class ScoredEpisode:
    """One held-out episode."""

    length: int
    terminated: bool
    score: float
    success: bool | None
    sums: Mapping[str, float]
    """Episode sum of the reward's total and of each component."""
    arrays: Mapping[str, npt.NDArray[Any]]
    """By signal: shape (length, ...); every signal where the episode is kept for the archive."""


class HeldOut:
    """Plays and scores held-out episodes, several side by side.

    Args:
        worlds: As many as run side by side.
        signals: Every signal of the survey.
        horizon: Steps after which an episode ends at the latest.
        score: The score rule, in its process.
        rewards: What the training pays; it is asked for the episode's rewards too, so that they can be compared.
        archived: How many episodes, the first ones, record every signal.
    """

    def __init__(
        self,
        worlds: Worlds,
        signals: Mapping[str, Signal],
        *,
        horizon: int,
        score: ScoreProcess,
        rewards: RewardSource,
        archived: int,
    ) -> None:
        self._worlds = worlds
        self._score = score
        self._rewards = rewards
        self._archived = archived
        self._needed = {name: signals[name] for name in (*rewards.reads, *score.reads)}
        worlds.record(self._needed, horizon, also=signals, first=archived)

    def play(self, act: Actor, seeds: Sequence[int]) -> list[ScoredEpisode]:
        """Score one policy.

        Args:
            act: The policy.
            seeds: Reset seeds, one per episode.

        Raises:
            ScoreRuleError: the score rule raised, or returned no finite number.
            RewardFailed: the reward broke its contract on these episodes.
        """
        scored: list[ScoredEpisode] = []
        width = self._worlds.count
        for first in range(0, len(seeds), width):
            some = seeds[first : first + width]
            recording, lengths = self._play_side_by_side(some, act)
            scored.extend(self._judge(recording, i, lengths[i]) for i in range(len(some)))
        return scored

    def _play_side_by_side(self, seeds: Sequence[int], act: Actor) -> tuple[Recording, list[int]]:
        """The recording of an episode in each of the first worlds, and how many of its steps each took."""
        worlds = self._worlds
        observations = worlds.reset(seeds)
        starts = np.ones(worlds.count, dtype=bool)
        running = np.arange(worlds.count) < len(seeds)
        lengths = np.zeros(worlds.count, dtype=np.int64)
        while running.any() and lengths.max() < worlds.capacity:
            stepped = worlds.step(act(observations, starts), running=running)
            observations, starts = stepped.observations, np.zeros_like(starts)
            lengths += running
            running = running & ~(stepped.terminated | stepped.truncated)
        return worlds.take(), lengths.tolist()

    def _judge(self, played: Recording, world: int, length: int) -> ScoredEpisode:
        recording = _episode(played, world, length)
        names = recording.arrays if world < self._archived else self._needed
        arrays = {name: recording.arrays[name][:, 0].copy() for name in names}
        terminated = bool(recording.terminated[-1, 0])
        verdict = self._score.ask({name: arrays[name] for name in self._score.reads}, terminated=terminated)
        paid = self._rewards.ask(recording, stream="score")
        sums = {TOTAL: float(paid.total.sum())} | {name: float(c.sum()) for name, c in paid.components.items()}
        return ScoredEpisode(length, terminated, verdict.score, verdict.success, sums, arrays)

    def close(self) -> None:
        """Close the worlds."""
        self._worlds.close()


def _episode(played: Recording, world: int, length: int) -> Recording:
    """The episode of one world, (length, 1) and more, with an end whatever ended it."""
    starts, ends = np.zeros((length, 1), dtype=bool), np.zeros((length, 1), dtype=bool)
    starts[0], ends[-1] = True, True
    terminated = ends & played.terminated[length - 1, world]
    return Recording(
        arrays={name: array[:length, world : world + 1] for name, array in played.arrays.items()},
        starts=starts,
        terminated=terminated,
        truncated=ends & ~terminated,
        stock=played.stock[:length, world : world + 1],
    )
