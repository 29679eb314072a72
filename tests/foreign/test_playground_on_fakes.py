"""The way of a Playground task, over fakes of JAX and of MuJoCo Playground; they say nothing about either's speed."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pytest
from foreign_cart import make_task
from isaac_tasks import FAKES, UPRIGHT, write_interpreter
from test_foreign_worlds import surveyed

from rewardsmith.domain.survey import Signal
from rewardsmith.domain.task import SignalSpec, Task
from rewardsmith.errors import TaskError
from rewardsmith.worker.backends.gymnasium import make
from rewardsmith.worker.backends.opening import open_worlds


@pytest.fixture(autouse=True)
def fakes(known: Callable[..., None], tmp_path: Path) -> None:
    known(playground=write_interpreter(tmp_path))


def cartpole(env_id: str = "CartpoleBalance", **environment: Any) -> Task:
    given = {"id": env_id, "module": None, "interpreter": None, "simulator": "playground", "horizon": 40}
    angle = SignalSpec(source="observation", index=1, unit="rad", meaning="of the pole")
    trainer = make_task().trainer.model_copy(update={"policy": "MlpPolicy"})
    return make_task(
        trainer=trainer,
        environment=given | environment,
        module_source=None,
        score=UPRIGHT,
        signals={"pole_angle": angle},
    )


def test_a_survey_tells_of_the_model_and_nothing_of_the_stock_reward(tmp_path: Path) -> None:
    found, probe = surveyed(cartpole(), tmp_path / "survey")
    signals = found.by_name()
    assert signals["cart_position"].shape == (3,)
    assert signals["drift_reading"].unit == "m/s"
    assert signals["command"].shape == (2,)
    assert signals["observation"].shape == (4,), "a critic's further numbers are not what the policy sees"
    assert found.dt == 0.02
    np.testing.assert_array_equal(probe["pole_angle"], probe["observation"][:, 1])
    np.testing.assert_array_equal(probe["hinge_angle"], probe["observation"][:, 1])
    np.testing.assert_array_equal(probe["drift_reading"][:, 0] != 0.0, True)
    assert any(episode.terminated for episode in found.episodes)
    assert not re.search("rew|reached|closeness|rng|contact_force", " ".join(found.names()))
    assert not re.search("rew|BONUS|closeness|metrics", found.view.partition("\n")[2])
    for shown in ("def reset(", "def step(", "def _get_obs(", "def _get_termination("):
        assert shown in found.view


def test_worlds_are_what_mujoco_makes_of_them() -> None:
    names = {"cart_linear_velocity": (3,), "pole_linear_velocity": (3,), "pole_up": (3,), "tip_position": (3,)}
    names |= {"spin_reading": (), "terminated": ()}
    kinds = {name: "bool" if name == "terminated" else "float64" for name in names}
    wanted = {n: Signal(name=n, shape=s, dtype=kinds[n], meaning=n, reader=f"info:{n}") for n, s in names.items()}
    worlds = open_worlds(cartpole(), 3)
    model = mujoco.MjModel.from_xml_string((FAKES / "mujoco_playground/_src/cartpole.py").read_text().split('"""')[1])
    data, random = mujoco.MjData(model), np.random.default_rng(0)
    try:
        worlds.record(wanted, 100)
        first = worlds.reset([3, 4, 5])
        np.testing.assert_array_equal(worlds.reset([3, 7, 8])[0], first[0])
        seen, ended, truncated = worlds.reset([3, 4, 5])[0], 0, 0
        for _ in range(100):
            actions = random.uniform(-1.0, 1.0, size=(3, 1)).astype(np.float32)
            data.qpos[:], data.qvel[:], data.ctrl[:] = seen[:2], seen[2:], actions[0]
            mujoco.mj_forward(model, data)
            mujoco.mj_step(model, data, 2)
            stepped = worlds.step(actions)
            after = stepped.last.get(0, stepped.observations[0])
            np.testing.assert_allclose(after, [*data.qpos, *data.qvel], rtol=1e-4, atol=1e-5)
            seen, truncated = stepped.observations[0], truncated + int(stepped.truncated.sum())
            ended += len(stepped.last)
            assert np.abs([stepped.observations[i] for i in stepped.last] or [0.0]).max() <= 0.05, "anew"
        taken = worlds.take()
        assert 0 < truncated < ended
        assert (taken.starts[1:] == taken.ends[:-1]).all()
        np.testing.assert_array_equal(taken.arrays["terminated"], taken.terminated)
        velocity, speed = np.zeros(6), taken.arrays["pole_linear_velocity"][-1, 0]
        mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_XBODY, model.body("pole").id, velocity, 0)
        np.testing.assert_allclose(speed, velocity[3:], rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(taken.arrays["tip_position"][-1, 0], data.site("tip").xpos, rtol=1e-4)
        np.testing.assert_allclose(taken.arrays["spin_reading"][-1, 0], data.sensor("spin").data[0], rtol=1e-3)
        assert (taken.stock > 1.0).all()
    finally:
        worlds.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "said", "hint"),
    [
        (cartpole("CartpoleBalancing"), "no task 'CartpoleBalancing'; did you mean 'CartpoleBalance'", "Go1Joystick"),
        (cartpole("Go1JoystickFlatTerrain"), "the robot of Go1JoystickFlatTerrain is not there", "load it once"),
        (cartpole(kwargs={"pushes": 2.0}), "could not be made: KeyError.*pushes", "impl, naconmax, njmax, push"),
    ],
)
def test_a_wrong_task_says_what_to_do(task: Task, said: str, hint: str) -> None:
    with pytest.raises(TaskError, match=said) as caught:
        make(task)
    assert hint in caught.value.hint


@pytest.mark.slow
def test_an_interpreter_without_playground(known: Callable[..., None]) -> None:
    known(playground=sys.executable)
    with pytest.raises(TaskError, match="has no module 'jax'") as caught:
        make(cartpole())
    assert "docs/environments.md" in caught.value.hint
