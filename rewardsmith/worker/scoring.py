"""Held-out episodes: deterministic actions, frozen normalisation, seeds that no training uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import gymnasium
import numpy as np
import numpy.typing as npt

from rewardsmith.domain.survey import Signal
from rewardsmith.export.signals import SignalReader
from rewardsmith.reward.process import ScoreProcess
from rewardsmith.worker.recording import Recording
from rewardsmith.worker.rewards import RewardSource
from rewardsmith.worker.statistics import TOTAL
from rewardsmith.worker.vector import ObservationBatch

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


class _Track:
    """One environment and what its episode has recorded so far."""

    def __init__(self, env: gymnasium.Env[Any, Any], signals: Mapping[str, Signal], horizon: int) -> None:
        self.env = env
        self.arrays = {name: np.zeros((horizon, *s.shape), dtype=s.dtype) for name, s in signals.items()}
        self.stock = np.zeros(horizon)
        self.reader = SignalReader(env, {name: s.reader for name, s in signals.items()})
        self.length, self.terminated, self.running = 0, False, False

    def start(self, seed: int) -> Any:
        self.length, self.terminated, self.running = 0, False, True
        return self.env.reset(seed=seed)[0]

    def step(self, action: Any) -> Any:
        observation, reward, terminated, truncated, info = self.env.step(action)
        t = self.length
        self.stock[t] = reward
        for name, value in self.reader.read(observation, action, terminated, info).items():
            self.arrays[name][t] = value
        self.length = t + 1
        self.terminated = bool(terminated)
        self.running = not (terminated or truncated) and self.length < len(self.stock)
        return observation

    def recording(self) -> Recording:
        rows = self.length
        starts, ends = np.zeros((rows, 1), dtype=bool), np.zeros((rows, 1), dtype=bool)
        starts[0], ends[-1] = True, True
        return Recording(
            arrays={name: array[:rows, None] for name, array in self.arrays.items()},
            starts=starts,
            terminated=ends & self.terminated,
            truncated=ends & (not self.terminated),
            stock=self.stock[:rows, None],
        )


class HeldOut:
    """Plays and scores held-out episodes, several side by side.

    Args:
        envs: As many as run side by side.
        signals: Every signal of the survey.
        horizon: Steps after which an episode ends at the latest.
        score: The score rule, in its process.
        rewards: What the training pays; it is asked for the episode's rewards too, so that they can be compared.
        archived: How many episodes, the first ones, record every signal.
    """

    def __init__(
        self,
        envs: Sequence[gymnasium.Env[Any, Any]],
        signals: Mapping[str, Signal],
        *,
        horizon: int,
        score: ScoreProcess,
        rewards: RewardSource,
        archived: int,
    ) -> None:
        self._score = score
        self._rewards = rewards
        needed = {name: signals[name] for name in (*rewards.reads, *score.reads)}
        self._tracks = [_Track(env, signals if i < archived else needed, horizon) for i, env in enumerate(envs)]

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
        width = len(self._tracks)
        for first in range(0, len(seeds), width):
            some = seeds[first : first + width]
            self._play_side_by_side(self._tracks[: len(some)], some, act)
            scored.extend(self._judge(track) for track in self._tracks[: len(some)])
        return scored

    def _play_side_by_side(self, tracks: Sequence[_Track], seeds: Sequence[int], act: Actor) -> None:
        batch = ObservationBatch(tracks[0].env.observation_space, len(self._tracks))
        starts = np.ones(len(self._tracks), dtype=bool)
        for i, track in enumerate(tracks):
            batch.put(i, track.start(seeds[i]))
        while any(track.running for track in tracks):
            actions = act(batch.copy(), starts)
            starts = np.zeros_like(starts)
            for i, track in enumerate(tracks):
                if track.running:
                    batch.put(i, track.step(actions[i]))

    def _judge(self, track: _Track) -> ScoredEpisode:
        recording = track.recording()
        arrays = {name: array[: track.length].copy() for name, array in track.arrays.items()}
        verdict = self._score.ask({name: arrays[name] for name in self._score.reads}, terminated=track.terminated)
        paid = self._rewards.ask(recording, stream="score")
        sums = {TOTAL: float(paid.total.sum())} | {name: float(c.sum()) for name, c in paid.components.items()}
        return ScoredEpisode(track.length, track.terminated, verdict.score, verdict.success, sums, arrays)

    def close(self) -> None:
        """Close the environments."""
        for track in self._tracks:
            track.env.close()
