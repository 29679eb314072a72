from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from numpy.typing import NDArray

from rewardsmith.store.arrays import read_arrays
from rewardsmith.worker.backends.gymnasium import make
from rewardsmith.worker.learner import Learner
from rewardsmith.worker.policy import write_policy
from rewardsmith.worker.progress import ProgressFile
from rewardsmith.worker.rewards import StockRewards

from .conftest import PPO, SAC, make_job, make_task

ACTIVATIONS = {"tanh": np.tanh, "relu": lambda x: np.maximum(x, 0.0), None: lambda x: x}


def act(folder: Path, observation: NDArray[Any]) -> NDArray[Any]:
    """The deterministic policy with nothing but numpy and safetensors."""
    policy, norm = json.loads((folder / "policy.json").read_text()), read_arrays(folder, "normalisation.npz")
    weights = safetensors.numpy.load((folder / "policy.safetensors").read_bytes())
    x, c = observation, float(norm.get("observation_clip", np.inf))
    if "observation_mean" in norm:
        x = np.clip(
            (x - norm["observation_mean"]) / np.sqrt(norm["observation_var"] + norm["observation_epsilon"]), -c, c
        )
    for layer in policy["layers"]:
        x = ACTIVATIONS[layer["activation"]](weights[layer["weight"]] @ x + weights[layer["bias"]])
    if policy["output"] == "argmax":
        return np.argmax(x)
    low, high = (np.array(policy["action_space"][bound]) for bound in ("low", "high"))
    x = np.tanh(x) if policy["output"] == "squash" else x
    return np.clip(x, low, high) if policy["output"] == "clip" else low + (x + 1) / 2 * (high - low)


@pytest.mark.parametrize(
    ("env_id", "algorithm", "settings", "normalised"),
    [
        ("Pendulum-v1", "stable_baselines3.PPO", PPO, True),
        (
            "Pendulum-v1",
            "stable_baselines3.PPO",
            PPO | {"policy_kwargs": {"activation_fn": "ReLU", "net_arch": [8, 4]}},
            False,
        ),
        ("Pendulum-v1", "stable_baselines3.SAC", SAC, True),
        ("Pendulum-v1", "stable_baselines3.TD3", SAC, True),
        ("Pendulum-v1", "sb3_contrib.TQC", SAC, True),
        ("CartPole-v1", "stable_baselines3.PPO", PPO, True),
        ("CartPole-v1", "stable_baselines3.DQN", {"learning_starts": 16, "buffer_size": 200}, True),
    ],
)
def test_a_few_lines_of_numpy_act_as_the_trained_policy(
    env_id: str, algorithm: str, settings: dict[str, Any], normalised: bool, tmp_path: Path
) -> None:
    trainer = {"algorithm": algorithm, "settings": settings, "normalize_observation": normalised}
    task = make_task(env_id, trainer=trainer)
    learner = Learner(make_job(task, kind="human", steps=128, rungs=1), [make(task) for _ in range(2)], StockRewards())
    learner.learn(0, ProgressFile(tmp_path / "progress.json", of=128))
    write_policy(tmp_path, learner.weights(), learner.describe())
    env = make(task)
    env.observation_space.seed(0)
    observations = np.array([np.clip(env.observation_space.sample(), -3, 3) for _ in range(20)], dtype=np.float64)
    expected = learner.act(observations, np.ones(20, dtype=bool))
    np.testing.assert_allclose([act(tmp_path, one) for one in observations], expected, rtol=1e-4, atol=1e-5)
    learner.close()


def test_a_policy_that_is_no_chain_of_layers_says_so(tmp_path: Path) -> None:
    task = make_task(
        trainer={"algorithm": "sb3_contrib.RecurrentPPO", "policy": "MlpLstmPolicy", "settings": {"n_steps": 16}}
    )
    learner = Learner(make_job(task, kind="human", steps=64, rungs=1), [make(task), make(task)], StockRewards())
    assert learner.describe()["layers"] is None
    learner.close()
