from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from rewardsmith.export.loader import Box, Layer, loader
from rewardsmith.export.policy import read_policy
from rewardsmith.worker.backends.gymnasium import make
from rewardsmith.worker.backends.opening import open_worlds
from rewardsmith.worker.learner import Learner
from rewardsmith.worker.policy import write_policy
from rewardsmith.worker.progress import ProgressFile
from rewardsmith.worker.rewards import StockRewards

from .conftest import PPO, SAC, make_job, make_task


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
    learner = Learner(make_job(task, kind="human", steps=128, rungs=1), open_worlds(task, 2), StockRewards())
    learner.learn(0, ProgressFile(tmp_path / "progress.json", of=128))
    write_policy(tmp_path, learner.weights(), learner.describe())
    env = make(task)
    env.observation_space.seed(0)
    observations = np.array([np.clip(env.observation_space.sample(), -3, 3) for _ in range(20)], dtype=np.float64)
    expected = learner.act(observations, np.ones(20, dtype=bool))
    handed = tmp_path / "handed"
    handed.mkdir()
    for name, data in read_policy(tmp_path).items():
        (handed / name).write_bytes(data)
    act = runpy.run_path(str(handed / "load.py"))["act"]
    np.testing.assert_allclose([act(one) for one in observations], expected, rtol=1e-4, atol=1e-5)
    learner.close()


def test_the_loader_of_a_usual_policy_has_ten_lines() -> None:
    layers = [Layer(weight=f"{n}.weight", bias=f"{n}.bias", activation="tanh" if n < 2 else None) for n in range(3)]
    action = Box(kind="box", shape=(2,), dtype="float32", low=(-1.0, -1.0), high=(1.0, 1.0))
    docstring, *lines = loader(layers, "clip", action, normalised=True).splitlines()
    assert docstring.startswith('"""')
    assert len(lines) == 10


def test_bounds_that_differ_or_are_missing_stand_in_the_loader(tmp_path: Path) -> None:
    layers = [Layer(weight="w", bias="b", activation=None)]
    safetensors.numpy.save_file({"w": np.eye(2), "b": np.zeros(2)}, tmp_path / "policy.safetensors")
    action = Box(kind="box", shape=(2, 1), dtype="float64", low=(-1.0, None), high=(1.0, None))
    (tmp_path / "load.py").write_text(loader(layers, "clip", action, normalised=False))
    act = runpy.run_path(str(tmp_path / "load.py"))["act"]
    assert act([-3.0, 7.0]).tolist() == [[-1.0], [7.0]]


def test_a_policy_that_is_no_chain_of_layers_says_so(tmp_path: Path) -> None:
    task = make_task(
        trainer={"algorithm": "sb3_contrib.RecurrentPPO", "policy": "MlpLstmPolicy", "settings": {"n_steps": 16}}
    )
    learner = Learner(make_job(task, kind="human", steps=64, rungs=1), open_worlds(task, 2), StockRewards())
    assert learner.describe()["layers"] is None
    learner.close()
