"""The environment of a task is made as the task says, and refusals name the near misses."""

import warnings
from pathlib import Path
from typing import Any

import pytest

from rewardsmith.domain.task import PACKAGES, Budget, EnvironmentSpec, ScoreRule, Task, Trainer
from rewardsmith.errors import TaskError
from rewardsmith.worker.backends.gymnasium import make

MODULE = """
import gymnasium
from gymnasium.envs.classic_control import CartPoleEnv
class Calm(CartPoleEnv):
    pass
gymnasium.register("CalmPole-v0", entry_point=Calm)
"""


def task(env_id: str, *, horizon: int = 30, module_source: str | None = None, **kwargs: Any) -> Task:
    return Task(
        name="mine",
        title="Mine",
        description="Do it.",
        environment=EnvironmentSpec(
            id=env_id, kwargs=kwargs, horizon=horizon, module="environment.py" if module_source else None
        ),
        score=ScoreRule(source="def score(observation):\n    return 0.0\n", meaning="nothing"),
        trainer=Trainer(algorithm="stable_baselines3.PPO", source="test"),
        budgets={"quick": Budget(steps=1)},
        module_source=module_source,
    )


def test_episode_is_cut_at_the_horizon() -> None:
    env = make(task("Pendulum-v1", horizon=7))
    env.reset(seed=0)
    ends = [env.step(env.action_space.sample())[3] for _ in range(7)]
    assert ends == [False] * 6 + [True]
    env.close()


def test_kwargs_and_render_mode_reach_the_environment() -> None:
    env = make(task("Ant-v5", include_cfrc_ext_in_observation=False), render_mode="rgb_array")
    assert env.observation_space.shape == (27,)
    assert env.render_mode == "rgb_array"
    env.close()


def test_no_checker_runs_at_every_step() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = make(task("CartPole-v1"))
    assert "PassiveEnvChecker" not in str(env)
    env.close()


def test_a_tasks_own_module_registers_its_environment() -> None:
    for _ in range(2):
        env = make(task("CalmPole-v0", module_source=MODULE))
        assert type(env.unwrapped).__name__ == "Calm"
        env.close()


def test_the_simulators_warnings_leave_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make(task("HalfCheetah-v5")).close()
    assert not list(tmp_path.iterdir())


def test_an_unknown_id_names_near_misses() -> None:
    with pytest.raises(TaskError, match=r"'Antt-v5'.*'Ant-v5'"):
        make(task("Antt-v5"))


def test_an_unknown_module_is_a_task_error() -> None:
    with pytest.raises(TaskError, match="no_such_module"):
        make(task("no_such_module:Ant-v5"))


def test_an_unknown_keyword_names_near_misses() -> None:
    with pytest.raises(TaskError, match=r"'reset_noise'.*'reset_noise_scale'"):
        make(task("Ant-v5", reset_noise=0.0))


def test_a_bad_value_is_a_task_error() -> None:
    with pytest.raises(TaskError, match=r"nowhere\.xml"):
        make(task("Ant-v5", xml_file="nowhere.xml"))


def test_a_module_that_raises_is_a_task_error() -> None:
    with pytest.raises(TaskError, match=r"environment.py raised ZeroDivisionError"):
        make(task("Ant-v5", module_source="1/0"))


def test_a_missing_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PACKAGES, "robotics", "no_such_package")
    needing = task("CartPole-v1").model_copy(update={"extra": "robotics"})
    with pytest.raises(TaskError, match="'mine' needs no_such_package, which is not installed") as caught:
        make(needing)
    assert caught.value.hint == "pip install 'rewardsmith[robotics]'"
