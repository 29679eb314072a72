"""Rollout and replay buffers of Stable-Baselines3 that fetch their rewards in one request.

An algorithm picks its own class of buffer (plain, Dict, n-step, recurrent); `fetch_into` makes a subclass of whatever
it picked, so that every algorithm is served by the same few lines.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import ReplayBuffer, RolloutBuffer
from stable_baselines3.common.vec_env import VecNormalize

from rewardsmith.worker.feed import RewardFeed

__all__ = ["REPLAY_ARRAYS", "FetchingReplay", "fetch_into"]

REPLAY_ARRAYS = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")
"""What a replay buffer consists of, beside its position."""


class FetchingRollout(RolloutBuffer):
    """Adds the rollout's rewards just before advantages are computed."""

    feed: RewardFeed

    def compute_returns_and_advantage(self, last_values: torch.Tensor, dones: npt.NDArray[Any]) -> None:
        # added, not stored: SB3 has already put gamma * V of truncated ends into the rewards
        self.rewards += self.feed.draw()[1].astype(np.float32)
        super().compute_returns_and_advantage(last_values, dones)


class FetchingReplay(ReplayBuffer):
    """Stores zeros, fills in raw rewards before anything is sampled, and normalises when sampling."""

    feed: RewardFeed
    _pending: list[int]

    def add(self, *args: Any, **kwargs: Any) -> None:
        """Store a transition of every environment; its rewards come later."""
        self._pending.append(self.pos)
        super().add(*args, **kwargs)
        if len(self._pending) == self.feed.capacity:
            self.fetch()

    def fetch(self) -> None:
        """Fill in the rewards of the transitions stored since the last call."""
        if self._pending:
            raw, _ = self.feed.draw()
            self.rewards[self._pending] = raw
            self._pending.clear()

    def cut(self) -> None:
        """Mark the newest transitions as cut, because every environment is about to be reset."""
        self.fetch()
        newest = (self.pos - 1) % self.buffer_size
        self.timeouts[newest] = np.maximum(self.timeouts[newest], 1.0 - self.dones[newest])

    def sample(self, batch_size: int, env: VecNormalize | None = None) -> Any:
        """Sample transitions whose rewards have all been filled in."""
        self.fetch()
        return super().sample(batch_size, env=env)

    def _normalize_reward(  # type: ignore[override]
        self,
        reward: npt.NDArray[Any],
        env: VecNormalize | None = None,  # noqa: ARG002 - SB3's signature
    ) -> npt.NDArray[Any]:
        normaliser = self.feed.normaliser
        return reward if normaliser is None else normaliser.normalise(reward)


def fetch_into(model: BaseAlgorithm, feed: RewardFeed) -> None:
    """Make the model's buffer fetch its rewards from `feed`, and give a replay buffer its `buffer_size`, in float32.

    Float32 is what the networks compute in and what a checkpoint stores, so that a resumed training is the same one.
    """
    if hasattr(model, "feed"):
        model.feed = feed
        return
    buffer = getattr(model, "rollout_buffer", None)
    if isinstance(buffer, RolloutBuffer):
        _become(buffer, FetchingRollout, feed)
        return
    buffer = getattr(model, "replay_buffer", None)
    if not isinstance(buffer, ReplayBuffer):
        raise TypeError(f"{type(model).__name__} has neither a rollout nor a replay buffer")
    _become(buffer, FetchingReplay, feed)
    buffer.__dict__["_pending"] = []
    rows = max(int(getattr(model, "buffer_size", 0)) // buffer.n_envs, 1)
    buffer.buffer_size = rows
    for name in REPLAY_ARRAYS:
        held = getattr(buffer, name)
        roomy = {k: _room(v, rows) for k, v in held.items()} if isinstance(held, dict) else _room(held, rows)
        setattr(buffer, name, roomy)


def _become(buffer: object, mixin: type, feed: RewardFeed) -> None:
    base = type(buffer)
    buffer.__class__ = type(f"Fetching{base.__name__}", (mixin, base), {})
    buffer.__dict__["feed"] = feed


def _room(array: npt.NDArray[Any], rows: int) -> npt.NDArray[Any]:
    dtype = np.float32 if array.dtype == np.float64 else array.dtype
    return np.zeros((rows, *array.shape[1:]), dtype=dtype)
