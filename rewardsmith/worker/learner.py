"""One learning algorithm on one reward: learns a rung at a time, acts, and can be stored and put back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv

from rewardsmith.domain.job import TrainJob
from rewardsmith.domain.report import Rung
from rewardsmith.worker.algorithm import build, rollout_steps
from rewardsmith.worker.backends.worlds import Worlds
from rewardsmith.worker.board import open_board
from rewardsmith.worker.buffers import FetchingReplay, fetch_into
from rewardsmith.worker.checkpoint import Checkpoint, Statistics, load_replay
from rewardsmith.worker.feed import RewardFeed
from rewardsmith.worker.normalisation import (
    ObservationNormaliser,
    RewardNormaliser,
    dump_normalisation,
    load_normalisation,
)
from rewardsmith.worker.policy import Weights, describe
from rewardsmith.worker.progress import ProgressFile
from rewardsmith.worker.rewards import RewardSource
from rewardsmith.worker.seeds import rung_seed
from rewardsmith.worker.statistics import TrainingStatistics
from rewardsmith.worker.vector import WorldsVecEnv
from rewardsmith.worker.weights import Rest, check_model, dump_model, finite, load_model

__all__ = ["Diverged", "Learner"]

_CHUNK_STEPS = 256
"""Off policy, rewards are fetched before anything is sampled, and at the latest after so many steps."""
_CHECK_EVERY = 1024
"""Vector steps between two looks at whether the weights are finite."""


class Diverged(Exception):
    """Training broke down: weights, or what the environment gives, stopped being finite numbers."""


class Learner:
    """Owns the training worlds, the algorithm, the normalisers and the training's statistics.

    Args:
        job: What to train.
        worlds: Where it trains.
        rewards: What is paid.
        out: Where TensorBoard files go; None for none.
    """

    def __init__(self, job: TrainJob, worlds: Worlds, rewards: RewardSource, out: Path | None = None) -> None:
        self._job = job
        trainer = job.task.trainer
        known = {signal.name: signal for signal in job.signals}
        vector = WorldsVecEnv(worlds)
        self._observations = _normalised(vector) if trainer.normalize_observation else None
        env: VecEnv = self._observations if self._observations is not None else vector
        self.model: BaseAlgorithm = build(trainer, env, rung_seed(job.seed, 0))
        rollout = rollout_steps(self.model)
        self.targets = _targets(job.steps, job.rungs, rollout * worlds.count)
        self.statistics = TrainingStatistics(self.targets[-1], worlds.count)
        gamma = float(getattr(self.model, "gamma", 0.99))
        self._scale = RewardNormaliser(gamma, worlds.count) if trainer.normalize_reward else None
        self._feed = RewardFeed(worlds, rewards, self.statistics, self._scale)
        fetch_into(self.model, self._feed)
        buffer = getattr(self.model, "replay_buffer", None)
        self.replay: ReplayBuffer | None = buffer if isinstance(buffer, ReplayBuffer) else None
        chunk = rollout if self.replay is None else min(max(rollout, _CHUNK_STEPS), self.replay.buffer_size)
        worlds.record({name: known[name] for name in rewards.reads}, chunk)
        _span_schedules(self.model, self.targets[-1])
        self.model.set_logger(open_board(out))
        self._memory: Any = None

    @property
    def steps(self) -> int:
        """Environment steps trained."""
        return self.model.num_timesteps

    def learn(self, rung: int, progress: ProgressFile) -> None:
        """Train from one rung to the next, with fresh generators and fresh episodes.

        Raises:
            Diverged: the policy's weights, or observations, stopped being finite.
            RewardFailed: the reward broke its contract.
        """
        model = self.model
        model.set_random_seed(rung_seed(self._job.seed, rung + 1))
        model._last_obs = None  # makes `learn` reset every world
        self._feed.restart()
        progress.begin(self.steps)
        watch = _Watch(progress)
        try:
            model.learn(
                self.targets[rung] - self.steps,
                watch,
                log_interval=1 if self.replay is None else 4,
                reset_num_timesteps=False,
            )
        except (ValueError, RuntimeError):
            if not finite(model):
                raise Diverged(_diverged(self.steps)) from None
            if not _all_finite(model._last_obs):
                raise Diverged(_blinded(self.steps)) from None
            raise
        if not finite(model):
            raise Diverged(_diverged(self.steps))
        if isinstance(self.replay, FetchingReplay):
            self.replay.cut()

    def act(self, observations: Any, starts: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
        """Deterministic actions on raw observations, normalised by what is known now.

        Raises:
            Diverged: an observation is not finite.
        """
        if not _all_finite(observations):
            raise Diverged(_blinded(self.steps))
        if starts.all():
            self._memory = None
        if self._observations is not None:
            observations = self._observations.normalize_obs(observations)
        actions, self._memory = self.model.policy.predict(observations, self._memory, starts, deterministic=True)
        return actions

    def weights(self) -> Weights:
        """A copy of the policy as it is now."""
        tensors = {name: t.detach().clone() for name, t in self.model.policy.state_dict().items()}
        return Weights(tensors, self.normalisation())

    def put_back(self, weights: Weights) -> None:
        """Act as the policy that `weights` is a copy of."""
        self.model.policy.load_state_dict(dict(weights.tensors), strict=True)
        load_normalisation(weights.normalisation, self._observations)

    def describe(self) -> dict[str, Any]:
        """What a loader must know beside the weights."""
        return describe(self.model, self._job.task.trainer)

    def normalisation(self) -> dict[str, npt.NDArray[Any]]:
        """Statistics of observations and rewards."""
        return dict(dump_normalisation(self._observations, self._scale))

    def dump(self) -> tuple[dict[str, torch.Tensor], Rest, Statistics]:
        """Tensors, and the rest as JSON."""
        return *dump_model(self.model), Statistics.model_validate(self.statistics.dump())

    def load(self, checkpoint: Checkpoint, folder: Path) -> None:
        """Put a checkpoint back. Raises StoreError when it does not fit; the learner is then as it was."""
        check_model(self.model, checkpoint.tensors, checkpoint.state.model)
        if self.replay is not None:
            load_replay(folder, self.replay)
        load_model(self.model, checkpoint.tensors, checkpoint.state.model)
        load_normalisation(checkpoint.normalisation, self._observations, self._scale)
        self.statistics.load(checkpoint.state.statistics.model_dump())

    def note(self, rung: Rung) -> None:
        """Put a rung's score and the latest means of the reward into the TensorBoard files."""
        logger = self.model.logger
        logger.record("score/mean", rung.mean)
        logger.record("score/episode_length", sum(rung.lengths) / len(rung.lengths))
        for name, mean in self.statistics.means().items():
            logger.record(f"reward/{name}", mean)
        logger.dump(self.steps)

    def close(self) -> None:
        """Close the worlds and the log."""
        self.model.logger.close()
        if self.model.env is not None:
            self.model.env.close()


class _Watch(BaseCallback):
    """Tells how far the training is, and stops it when the weights break."""

    def __init__(self, progress: ProgressFile) -> None:
        super().__init__()
        self._progress = progress
        self._next_check = 0

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        if self.n_calls >= self._next_check:
            self._next_check = self.n_calls + _CHECK_EVERY
            if not finite(self.model):
                raise Diverged(_diverged(self.model.num_timesteps))

    def _on_rollout_end(self) -> None:
        self._progress.step(self.model.num_timesteps)


def _diverged(steps: int) -> str:
    return (
        f"training broke down after {steps} steps: the policy's weights are no longer finite. "
        "Smaller and smoother rewards help; very large or very steep terms cause it."
    )


def _blinded(steps: int) -> str:
    return (
        f"the environment gave observations that are not finite after {steps} steps: its simulation broke down. "
        "Rewards that do not drive it to extremes help; so does an environment that ends such episodes."
    )


def _all_finite(observations: Any) -> bool:
    parts = observations.values() if isinstance(observations, dict) else [observations]
    return all(bool(np.isfinite(part).all()) for part in parts if part is not None)


def _targets(steps: int, rungs: int, rollout: int) -> list[int]:
    """Steps at the end of each rung: whole rollouts, rounded up, at least one in each rung."""
    ends: list[int] = []
    for rung in range(1, rungs + 1):
        wanted = -(-steps * rung // (rungs * rollout))
        ends.append(max(wanted, ends[-1] // rollout + 1 if ends else 1) * rollout)
    return ends


def _normalised(vector: WorldsVecEnv) -> ObservationNormaliser | None:
    """Normalise observations where they are continuous."""
    space = vector.observation_space
    if isinstance(space, spaces.Dict):
        keys = [key for key, part in space.items() if isinstance(part, spaces.Box)]
        return ObservationNormaliser(vector, keys) if keys else None
    return ObservationNormaliser(vector) if isinstance(space, spaces.Box) else None


def _span_schedules(model: BaseAlgorithm, steps: int) -> None:
    """Let schedules run over the whole training, though `learn` is called for one rung at a time."""

    def update(now: int, _: int) -> None:
        model._current_progress_remaining = 1.0 - now / steps

    model._update_current_progress_remaining = update  # type: ignore[method-assign,assignment]
