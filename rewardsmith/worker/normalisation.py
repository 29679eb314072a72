"""Running statistics that scale rewards, and their exchange with files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import VecEnv, VecNormalize
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

__all__ = ["ObservationNormaliser", "RewardNormaliser", "dump_normalisation", "load_normalisation"]

_CLIP = 10.0
_EPSILON = 1e-8

Arrays = dict[str, npt.NDArray[np.float64]]


class ObservationNormaliser(VecNormalize):
    """`VecNormalize` for observations alone: it takes no time over rewards, which are fetched later."""

    def __init__(self, venv: VecEnv, keys: list[str] | None = None) -> None:
        super().__init__(venv, norm_reward=False, norm_obs_keys=keys)

    def step_wait(self) -> VecEnvStepReturn:
        """Step, learn from the new observations, and normalise them and those of episodes that ended."""
        observations, rewards, dones, infos = self.venv.step_wait()
        assert isinstance(observations, np.ndarray | dict)
        self.old_obs, self.old_reward = observations, rewards
        for key, statistics in _statistics(self).items():
            statistics.update(observations[key[1:]] if isinstance(observations, dict) else observations)
        for i in np.flatnonzero(dones):
            infos[i]["terminal_observation"] = self.normalize_obs(infos[i]["terminal_observation"])
        return self.normalize_obs(observations), rewards, dones, infos


class RewardNormaliser:
    """Divides rewards by the running deviation of their discounted sum.

    The same as `VecNormalize` of Stable-Baselines3 (clip 10, epsilon 1e-8), but for rewards that arrive a rollout
    at a time: statistics move in time order, and each reward is divided by what was known at its own step.

    Args:
        gamma: Discount of the learning algorithm.
        environments: N, the number of columns of every request.
    """

    def __init__(self, gamma: float, environments: int) -> None:
        self._gamma = gamma
        self._returns = np.zeros(environments)
        self.mean, self.var, self.count = 0.0, 1.0, 1e-4

    def restart(self) -> None:
        """Forget the discounted sums of episodes that were cut by a reset."""
        self._returns[:] = 0.0

    def update(self, rewards: npt.NDArray[np.float64], ends: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        """Take in (T, N) rewards in time order and return them normalised, (T, N)."""
        sums = np.empty_like(rewards)
        running = self._returns
        for t in range(len(rewards)):
            running = running * self._gamma + rewards[t]
            sums[t] = running
            running[ends[t]] = 0.0
        self._returns = running
        scale = np.empty(len(rewards))
        width = rewards.shape[1]
        mean, var, count = self.mean, self.var, self.count
        batches = zip(sums.mean(axis=1).tolist(), sums.var(axis=1).tolist(), strict=True)
        for t, (batch_mean, batch_var) in enumerate(batches):
            # Chan et al., parallel variance, as RunningMeanStd of Stable-Baselines3 has it
            delta, total = batch_mean - mean, count + width
            mean += delta * width / total
            var = (var * count + batch_var * width + delta * delta * count * width / total) / total
            count = total
            scale[t] = var
        self.mean, self.var, self.count = mean, var, count
        return np.clip(rewards / np.sqrt(scale + _EPSILON)[:, None], -_CLIP, _CLIP)

    def normalise(self, rewards: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Normalise rewards of any shape by what is known now, without learning from them."""
        scaled: npt.NDArray[np.float32] = np.clip(rewards / np.sqrt(self.var + _EPSILON), -_CLIP, _CLIP).astype(
            np.float32
        )
        return scaled


def dump_normalisation(observations: VecNormalize | None, rewards: RewardNormaliser | None) -> Arrays:
    """Everything that the normalisers know, as named float64 arrays.

    Observations are `clip((x - observation_mean) / sqrt(observation_var + observation_epsilon), -c, c)` with c
    `observation_clip`; of a Dict space, the names end in `/<key>`.
    """
    arrays: Arrays = {}
    if observations is not None:
        for suffix, statistics in _statistics(observations).items():
            arrays[f"observation_mean{suffix}"] = np.asarray(statistics.mean)
            arrays[f"observation_var{suffix}"] = np.asarray(statistics.var)
            arrays[f"observation_count{suffix}"] = np.asarray(statistics.count, dtype=np.float64)
        arrays["observation_clip"] = np.asarray(observations.clip_obs, dtype=np.float64)
        arrays["observation_epsilon"] = np.asarray(observations.epsilon, dtype=np.float64)
    if rewards is not None:
        arrays["reward_mean"] = np.asarray(rewards.mean)
        arrays["reward_var"] = np.asarray(rewards.var)
        arrays["reward_count"] = np.asarray(rewards.count)
    return {name: array.copy() for name, array in arrays.items()}


def load_normalisation(
    arrays: Mapping[str, npt.NDArray[np.float64]],
    observations: VecNormalize | None,
    rewards: RewardNormaliser | None = None,
) -> None:
    """Put back what `dump_normalisation` gave. Raises KeyError if something is missing."""
    if observations is not None:
        for suffix, statistics in _statistics(observations).items():
            statistics.mean = np.array(arrays[f"observation_mean{suffix}"])
            statistics.var = np.array(arrays[f"observation_var{suffix}"])
            statistics.count = float(arrays[f"observation_count{suffix}"])
    if rewards is not None:
        rewards.mean = float(arrays["reward_mean"])
        rewards.var = float(arrays["reward_var"])
        rewards.count = float(arrays["reward_count"])


def _statistics(observations: VecNormalize) -> dict[str, RunningMeanStd]:
    if not observations.norm_obs:
        return {}
    found = observations.obs_rms
    return {f"/{key}": part for key, part in found.items()} if isinstance(found, dict) else {"": found}
