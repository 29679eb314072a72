from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.domain.task import Trainer
from rewardsmith.errors import TaskError
from rewardsmith.worker.algorithm import algorithm_class, build, rollout_steps
from rewardsmith.worker.backends.opening import open_worlds
from rewardsmith.worker.vector import WorldsVecEnv
from tests.shipped import plain, runnable

from .conftest import make_task

FOLDERS = find_folders(here=Path(__file__).parents[2])


def built(algorithm: str = "stable_baselines3.PPO", policy: str = "MlpPolicy", **settings: Any) -> Any:
    env = WorldsVecEnv(open_worlds(make_task(), 2))
    return build(Trainer(algorithm=algorithm, policy=policy, settings=settings, source="test"), env, seed=3)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("stable_baselines3.PP0", "stable_baselines3.PPO"),
        ("ppo", "stable_baselines3.PPO"),
        ("sb3_contrib.TQ", "sb3_contrib.TQC"),
    ],
)
def test_an_unknown_algorithm_lists_the_near_ones(name: str, near: str) -> None:
    with pytest.raises(TaskError, match=f"did you mean.*{near}"):
        algorithm_class(name)


@pytest.mark.parametrize(
    "name", ["sb3_contrib.ARS", "sb3_contrib.MaskablePPO", "stable_baselines3.HerReplayBuffer", "os.system"]
)
def test_what_is_no_fitting_algorithm(name: str) -> None:
    with pytest.raises(TaskError):
        algorithm_class(name)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"learning_rat": 1e-3}, "'learning_rate'"),
        ({"device": "cuda"}, "takes no 'device'"),
        ({"learning_rate": "linear:fast"}, "no schedule"),
        ({"policy_kwargs": {"activation_fn": "Tan"}}, "'Tanh'"),
        ({"policy_kwargs": {"net_arc": [4]}}, "net_arc"),
        ({"policy_kwargs": [4]}, "instead of a table"),
        ({"n_steps": 1, "batch_size": 0}, "refuses these settings"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(TaskError, match=said):
        built(**settings)


def test_a_wrong_buffer_size() -> None:
    with pytest.raises(TaskError, match="no number of transitions"):
        built("stable_baselines3.SAC", buffer_size="large")


def test_a_wrong_policy_lists_those_that_are_there() -> None:
    with pytest.raises(TaskError, match="no policy 'MlpLstmPolicy'") as caught:
        built(policy="MlpLstmPolicy")
    assert "MlpPolicy" in caught.value.hint


def test_settings_as_data() -> None:
    policy = {"net_arch": {"pi": [5], "vf": [6]}, "activation_fn": "ELU", "log_std_init": -2}
    model = built(
        learning_rate="linear:0.004", clip_range="linear:0.2", n_steps=16, batch_size=16, policy_kwargs=policy
    )
    assert [model.lr_schedule(share) for share in (1.0, 0.5)] == [0.004, 0.002]
    assert model.clip_range(0.5) == pytest.approx(0.1)
    assert [
        part.out_features for part in model.policy.mlp_extractor.policy_net if isinstance(part, torch.nn.Linear)
    ] == [5]
    assert isinstance(model.policy.mlp_extractor.policy_net[1], torch.nn.ELU)
    assert model.policy.log_std[0].item() == -2.0


def test_action_noise() -> None:
    model = built("stable_baselines3.TD3", action_noise="normal:0.25", buffer_size=100)
    assert model.action_noise._sigma.tolist() == [0.25]
    with pytest.raises(TaskError, match="no noise"):
        built("stable_baselines3.TD3", action_noise="pink:0.1", buffer_size=100)


def test_the_steps_of_a_rollout() -> None:
    assert rollout_steps(built(n_steps=48, batch_size=16)) == 48
    assert rollout_steps(built("stable_baselines3.SAC", train_freq=[6, "step"], buffer_size=100)) == 6
    assert rollout_steps(built("stable_baselines3.SAC", buffer_size=100)) == 1


@pytest.mark.parametrize("name", runnable(FOLDERS, everyday=plain(FOLDERS)))
def test_the_trainer_of_every_shipped_task_can_be_built(name: str) -> None:
    task = load_task(name, FOLDERS)
    env = WorldsVecEnv(open_worlds(task, task.trainer.environments))
    assert rollout_steps(build(task.trainer, env, seed=1)) > 0
    env.close()
