"""Nothing that only the stock reward uses shows in a view: renaming and renumbering it leaves the view as it was."""

import functools
import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium
import pytest
from stock_rewards import MUJOCO, TABLE, changed, class_name, load

from rewardsmith.worker.view import View, without_reward

PHYSICS = {
    "Ant-v5": ["x_velocity", "healthy_z_range=(0.2, 1.0)", "contact_force_range", "is_healthy", "reset_noise_scale"],
    "HalfCheetah-v5": ["x_velocity = (x_position_after - x_position_before) / self.dt", "position[1:]"],
    "Hopper-v5": ["healthy_angle_range=(-0.2, 0.2)", "np.clip(self.data.qvel.flatten(), -10, 10)"],
    "Walker2d-v5": ["healthy_z_range=(0.8, 2.0)", "x_velocity"],
    "Humanoid-v5": ["def mass_center(model, data)", "healthy_z_range=(1.0, 2.0)", "com_inertia"],
    "HumanoidStandup-v5": ["z_distance_from_origin", "actuator_forces"],
    "Swimmer-v5": ["x_velocity", "y_velocity"],
    "Reacher-v5": ["np.linalg.norm(self.goal) < 0.2", "break", "fingertip"],
    "Pusher-v5": ["cylinder_pos", "tips_arm", "> 0.17"],
    "InvertedPendulum-v5": ["np.abs(observation[1]) > 0.2"],
    "InvertedDoublePendulum-v5": ["terminated = bool(y <= 1)"],
    "CartPole-v1": ["self.force_mag = 10.0", "thetaacc", "terminated = bool("],
    "Pendulum-v1": ["newthdot", "DEFAULT_X = np.pi", "self.max_torque = 2.0"],
    "MountainCarContinuous-v0": ["0.0025", "goal_position", "goal_velocity=0"],
}


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MuJoCo writes a log of its warnings into the working folder."""
    monkeypatch.chdir(tmp_path)


def view(module: ModuleType, env_id: str) -> View:
    """The view of the environment's class in `module`, after one step told which entries `info` has."""
    spec = gymnasium.spec(env_id)
    env = getattr(module, class_name(env_id))(**spec.kwargs)
    env.reset(seed=0)
    env.action_space.seed(0)
    info = env.step(env.action_space.sample())[4]
    result = without_reward(env, info)
    env.close()
    return result


@functools.cache
def unchanged(env_id: str) -> View:
    """The view of the environment as it is."""
    return view(importlib.import_module(TABLE[env_id][0]), env_id)


@pytest.mark.parametrize("env_id", TABLE)
@pytest.mark.parametrize("change", ["renamed", "renumbered", "both"])
def test_what_only_the_reward_uses_never_shows(env_id: str, change: str) -> None:
    before, after = unchanged(env_id), view(changed(env_id, change), env_id)
    assert after.text == before.text
    assert len(after.dropped_info) == len(before.dropped_info)


@pytest.mark.parametrize("env_id", TABLE)
def test_the_views_show_the_physics_and_no_name_of_the_reward(env_id: str) -> None:
    _, names, _ = TABLE[env_id]
    header, _, text = unchanged(env_id).text.partition("\n")
    assert header.startswith("# Left out")
    for piece in PHYSICS[env_id]:
        assert piece in text
    for word in names:
        assert not re.search(rf"(?<![A-Za-z0-9_]){re.escape(word)}(?![A-Za-z0-9_])", text), word
    for word in ("render", "EzPickle", "metadata", '"""', "reward"):
        assert word not in text
    compile(text, "view", "exec")


DROPPED = {
    "Ant-v5": {"reward_forward", "reward_ctrl", "reward_contact", "reward_survive"},
    "HalfCheetah-v5": {"reward_forward", "reward_ctrl"},
    "HumanoidStandup-v5": {"reward_linup", "reward_quadctrl", "reward_impact"},
    "Pusher-v5": {"reward_dist", "reward_ctrl", "reward_near"},
    "InvertedPendulum-v5": {"reward_survive"},
    "InvertedDoublePendulum-v5": {"reward_survive", "distance_penalty", "velocity_penalty"},
}


@pytest.mark.parametrize("env_id", DROPPED)
def test_info_that_the_reward_computed_is_dropped_and_physics_stays(env_id: str) -> None:
    assert set(unchanged(env_id).dropped_info) == DROPPED[env_id]


def test_the_oracle_can_fail() -> None:
    """A change of what termination uses does change the view."""
    original = importlib.import_module(f"{MUJOCO}.ant_v5")
    source = inspect.getsource(original)
    other = source.replace("healthy_z_range: tuple[float, float] = (0.2, 1.0)", "healthy_z_range: Any = (0.3, 1.0)")
    assert other != source
    assert view(load(original, other), "Ant-v5").text != unchanged("Ant-v5").text


def test_no_source_is_said_in_our_own_words() -> None:
    namespace: dict[str, Any] = {"gymnasium": gymnasium}
    exec("class Hidden(gymnasium.Env):\n    def step(self, action): pass\n    def reset(self): pass", namespace)
    found = without_reward(namespace["Hidden"](), ["speed"])
    assert "not available" in found.text
    assert found.dropped_info == ("speed",)
