"""The stock reward, fetched once per rollout, trains exactly what Stable-Baselines3 trains by itself."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stable_baselines3
import torch
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from rewardsmith.worker.backends.gymnasium import make
from rewardsmith.worker.backends.opening import open_worlds
from rewardsmith.worker.learner import Learner
from rewardsmith.worker.progress import ProgressFile
from rewardsmith.worker.rewards import StockRewards
from rewardsmith.worker.seeds import rung_seed

from .conftest import SAC, make_job, make_task

PPO = {"n_steps": 32, "batch_size": 32, "n_epochs": 2, "gamma": 0.9, "policy_kwargs": {"net_arch": [16]}}
SETTINGS: dict[str, dict[str, Any]] = {
    "PPO": PPO,
    "A2C": {"n_steps": 8, "gamma": 0.9},
    "SAC": SAC | {"gamma": 0.9},
    "TD3": SAC | {"gamma": 0.9},
}


@pytest.mark.parametrize("name", ["PPO", "A2C", "SAC", "TD3"])
@pytest.mark.parametrize("normalised", [True, False])
def test_same_weights_as_without_us(name: str, normalised: bool, tmp_path: Path) -> None:
    # episodes of 20 steps: every rollout holds cut episodes, whose value is bootstrapped
    task = make_task(
        horizon=20,
        trainer={
            "algorithm": f"stable_baselines3.{name}",
            "environments": 3,
            "settings": SETTINGS[name],
            "normalize_observation": normalised,
            "normalize_reward": normalised,
        },
    )
    job = make_job(task, kind="human", steps=192, rungs=1)
    torch.set_num_threads(1)
    ours = Learner(job, open_worlds(task, 3), StockRewards())
    ours.learn(0, ProgressFile(tmp_path / "progress.json", of=192))

    env: Any = DummyVecEnv([lambda: make(task) for _ in range(3)])
    if normalised:
        env = VecNormalize(env, gamma=0.9)
    theirs = getattr(stable_baselines3, name)(
        "MlpPolicy", env, seed=rung_seed(7, 0), device="cpu", **deepcopy(SETTINGS[name])
    )
    theirs.set_random_seed(rung_seed(7, 1))
    before = {key: tensor.clone() for key, tensor in theirs.policy.state_dict().items()}
    theirs.learn(192)

    assert ours.steps == theirs.num_timesteps
    for key, expected in theirs.policy.state_dict().items():
        torch.testing.assert_close(ours.model.policy.state_dict()[key], expected, rtol=2e-3, atol=2e-5)
    moved = max(float((t - before[k]).abs().max()) for k, t in theirs.policy.state_dict().items())
    assert moved > 1e-3
    if ours.replay is not None:
        assert ours.replay.buffer_size == theirs.replay_buffer.buffer_size
        assert ours.replay.observations.dtype == np.float32
    if normalised:
        assert ours.normalisation()["reward_var"] == pytest.approx(env.ret_rms.var, rel=1e-5)
        assert np.allclose(ours.normalisation()["observation_mean"], env.obs_rms.mean, rtol=1e-6)
    ours.close()
