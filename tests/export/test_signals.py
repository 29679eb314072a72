"""Signals have the names that rewards use, and their values are those of the simulation."""

import ast
import re
import timeit
from pathlib import Path
from typing import Any

import gymnasium
import mujoco
import numpy as np
import pytest

from rewardsmith.domain.task import SignalSpec
from rewardsmith.export.discovery import discover
from rewardsmith.export.signals import SignalReader


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MuJoCo writes a log of its warnings into the working folder."""
    monkeypatch.chdir(tmp_path)


def stepped(env_id: str, steps: int = 20, **kwargs: Any) -> tuple[gymnasium.Env[Any, Any], tuple[Any, Any, bool, Any]]:
    env = gymnasium.make(env_id, disable_env_checker=True, **kwargs)
    env.reset(seed=1)
    env.action_space.seed(1)
    for _ in range(steps):
        action = env.action_space.sample()
        observation, _, terminated, _, info = env.step(action)
        if terminated:
            break
    return env, (observation, action, terminated, info)


def every(env_id: str, steps: int = 20, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
    env, step = stepped(env_id, steps, **kwargs)
    found = discover(env, info=step[3])
    row = SignalReader(env, {name: signal.reader for name, signal in found.items()}).read(*step)
    return env, row


NAMES = {
    "Ant-v5": [
        "torso_linear_velocity", "torso_up", "torso_quaternion", "torso_contact_force", "hip_1_velocity",
        "ankle_1_angle",
        "ankle_1_body_position", "front_left_leg_angular_velocity", "center_of_mass", "center_of_mass_velocity",
        "actuator_force", "x_velocity", "observation", "action", "terminated",
    ],
    "HalfCheetah-v5": ["rooty_angle", "rootx_displacement", "rootx_velocity", "bfoot_contact_force", "x_velocity"],
    "Hopper-v5": ["foot_contact_force", "foot_position", "thigh_joint_angle", "rootz_displacement", "torso_position"],
    "InvertedPendulum-v5": ["hinge_angle", "slider_displacement", "pole_up", "cart_position"],
    "InvertedDoublePendulum-v5": ["tip_position", "hinge2_angle"],
}  # fmt: skip


@pytest.mark.parametrize("env_id", NAMES)
def test_signals_are_named_by_the_model(env_id: str) -> None:
    _, row = every(env_id)
    assert not set(NAMES[env_id]) - set(row)
    assert not [
        name for name in row if name.startswith("world_") or name.startswith("root_") or not name.isidentifier()
    ]


COMPLETIONS = Path(__file__).parents[1] / "data" / "completions"
FOLDERS = {
    "ant": "Ant-v5",
    "half_cheetah": "HalfCheetah-v5",
    "hopper": "Hopper-v5",
    "inverted_pendulum": "InvertedPendulum-v5",
}


@pytest.mark.skipif(not COMPLETIONS.exists(), reason="the sample completions are not in this checkout")
@pytest.mark.parametrize("folder", FOLDERS)
def test_sample_completions_name_signals_that_exist(folder: str) -> None:
    _, row = every(FOLDERS[folder])
    asked: set[str] = set()
    for file in sorted((COMPLETIONS / folder).glob("*.md")):
        for block in re.findall(r"```[^\n]*\n(.*?)```", file.read_text(), flags=re.S):
            if "def compute_reward" not in block:
                continue
            functions = [node for node in ast.parse(block).body if isinstance(node, ast.FunctionDef)]  # noqa: TID251
            (function,) = [node for node in functions if node.name == "compute_reward"]
            asked |= {argument.arg.removeprefix("prev_") for argument in function.args.args} - {"memory"}
    assert len(asked) > 3
    assert not asked - set(row)


def test_body_velocities_are_derivatives_of_position() -> None:
    """Body quantities stem from the last physics step's start, so a step of zero length apart they must agree."""
    env, _ = stepped("Ant-v5", 30)
    model, data = env.unwrapped.model, env.unwrapped.data
    readers = {
        "p": "body:aux_1:position",
        "v": "body:aux_1:linear_velocity",
        "w": "body:aux_1:angular_velocity",
        "up": "body:aux_1:up",
        "c": "model:center_of_mass",
        "cv": "model:center_of_mass_velocity",
    }
    reader = SignalReader(env, readers)
    mujoco.mj_forward(model, data)
    first = reader.read(None, None, False, {})
    h = 1e-6
    mujoco.mj_integratePos(model, data.qpos, data.qvel, h)
    mujoco.mj_forward(model, data)
    second = reader.read(None, None, False, {})
    np.testing.assert_allclose((second["p"] - first["p"]) / h, first["v"], atol=1e-4)
    np.testing.assert_allclose((second["c"] - first["c"]) / h, first["cv"], atol=1e-4)
    np.testing.assert_allclose((second["up"] - first["up"]) / h, np.cross(first["w"], first["up"]), atol=1e-4)
    assert np.linalg.norm(first["v"]) > 0.1
    assert np.linalg.norm(first["w"]) > 0.1


def test_contact_forces_carry_the_weight_of_an_ant_at_rest() -> None:
    env, _ = stepped("Ant-v5", 1, terminate_when_unhealthy=False)
    for _ in range(300):
        step = env.step(np.zeros(8, dtype=np.float32))
    model = env.unwrapped.model
    found = discover(env)
    readers = {name: s.reader for name, s in found.items() if name.endswith("_contact_force")}
    row = SignalReader(env, readers).read(step[0], None, step[2], step[4])
    weight = float(model.body_mass.sum() * 9.81)
    assert sum(force[2] for force in row.values()) == pytest.approx(weight, rel=0.01)


def test_quaternion_and_up_agree() -> None:
    _, row = every("Humanoid-v5")
    w, x, y, z = row["torso_quaternion"]
    up = [2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)]
    np.testing.assert_allclose(row["torso_up"], up, atol=1e-12)


def test_joint_signals_are_the_joints_coordinates() -> None:
    env, row = every("Ant-v5")
    assert row["hip_1_angle"] == env.unwrapped.data.joint("hip_1").qpos[0]
    assert row["ankle_4_velocity"] == env.unwrapped.data.joint("ankle_4").qvel[0]
    assert row["hip_1_angle"].shape == ()


def test_unnamed_and_clashing_names_stay_apart(tmp_path: Path) -> None:
    xml = """<mujoco><worldbody>
      <body name="arm" pos="0 0 1"><joint type="hinge"/><geom size=".1"/><site name="arm"/>
        <body pos="0 0 1"><geom size=".1"/><site/></body></body>
      <body name="left-hand"><joint name="ball" type="ball"/><geom size=".1"/></body>
    </worldbody><sensor><touch name="palm" site="arm"/><framepos name="where" objtype="body" objname="arm"/>
      <velocimeter site="arm"/></sensor></mujoco>"""

    class Bare(gymnasium.Env[Any, Any]):
        observation_space = gymnasium.spaces.Dict(
            {"eye": gymnasium.spaces.Box(0, 1, (2, 2)), "switch": gymnasium.spaces.Discrete(3)}
        )
        action_space = gymnasium.spaces.Discrete(4)

        def __init__(self) -> None:
            self.model: Any = mujoco.MjModel.from_xml_string(xml)
            self.data = mujoco.MjData(self.model)

    env = Bare()
    mujoco.mj_forward(env.model, env.data)
    found = discover(env)
    row = SignalReader(env, {name: s.reader for name, s in found.items()}).read(
        {"eye": np.eye(2), "switch": 2}, np.int64(3), True, {}
    )
    assert row["arm_site_position"][2] == 1.0
    assert row["body_2_position"][2] == 2.0
    assert row["site_1_position"][2] == 2.0
    assert "joint_0_angle" in row
    assert "left_hand_up" in row
    assert "ball_angle" not in row
    assert "actuator_force" not in row
    np.testing.assert_array_equal(row["where_reading"], row["arm_position"])
    assert (row["palm_reading"].shape, found["palm_reading"].unit) == ((), "N")
    assert sum("reading" in name for name in row) == 2, "a sensor without a name is none"
    assert row["action"] == 3
    assert row["action"].dtype == np.int64
    assert row["observation_eye"].shape == (2, 2)
    assert row["terminated"].dtype == np.bool_
    for name, signal in found.items():
        assert row[name].shape == signal.shape, name
        assert row[name].dtype == signal.dtype, name
    env.data = mujoco.MjData(env.model)
    reader = SignalReader(env, {"p": "body:arm:position"})
    env.data = mujoco.MjData(env.model)
    env.data.xpos[1, 2] = 5.0
    assert reader.read(None, None, False, {})["p"][2] == 5.0


def test_rows_are_copies() -> None:
    env, step = stepped("Ant-v5")
    reader = SignalReader(env, {"p": "body:torso:position", "v": "body:torso:linear_velocity", "o": "observation"})
    before = reader.read(*step)
    kept = {name: value.copy() for name, value in before.items()}
    observation = env.step(env.action_space.sample())[0]
    reader.read(observation, *step[1:])
    for name in kept:
        np.testing.assert_array_equal(before[name], kept[name])


@pytest.mark.parametrize("env_id", ["CartPole-v1", "Pendulum-v1", "MountainCarContinuous-v0"])
def test_environments_without_mujoco_have_observation_action_and_terminated(env_id: str) -> None:
    _, row = every(env_id)
    assert set(row) == {"observation", "action", "terminated"}
    assert row["observation"].dtype == np.float64
    assert row["action"].dtype == (np.int64 if env_id == "CartPole-v1" else np.float64)


def test_signals_named_by_the_task() -> None:
    env, step = stepped("CartPole-v1")
    specs = {
        "pole_angle": SignalSpec(source="observation", index=2, unit="rad", meaning="angle of the pole"),
        "rates": SignalSpec(source="observation", index=(1, 3), meaning="velocities"),
        "one": SignalSpec(source="observation", index=(1,), meaning="velocity"),
        "last": SignalSpec(source="observation", index=-1, meaning="velocity"),
    }
    found = discover(env, specs)
    row = SignalReader(env, {name: found[name].reader for name in specs}).read(*step)
    assert row["pole_angle"] == pytest.approx(step[0][2])
    np.testing.assert_array_equal(row["rates"], step[0][[1, 3]].astype(np.float64))
    assert found["rates"].shape == (2,)
    assert found["one"].shape == (1,)
    assert row["last"] == np.float64(step[0][3])
    assert found["pole_angle"].unit == "rad"
    with pytest.raises(ValueError, match="needs a MuJoCo environment"):
        discover(env, {"x": SignalSpec(source="qpos", index=0, meaning="x")})
    with pytest.raises(ValueError, match="IndexError"):
        discover(env, {"x": SignalSpec(source="observation", index=9, meaning="x")})
    ant, _ = stepped("Ant-v5", 3)
    found = discover(ant, {"height": SignalSpec(source="qpos", index=2, unit="m", meaning="height")})
    row = SignalReader(ant, {"height": found["height"].reader}).read(None, None, False, {})
    assert row["height"] == ant.unwrapped.data.qpos[2]  # type: ignore[attr-defined]


def test_info_entries_are_signals_unless_dropped() -> None:
    env, step = stepped("Ant-v5")
    info = {**step[3], "note": "text", "ok": True, "dt": 1.0, "prev_x": 1.0}
    found = discover(env, info=info, dropped=("reward_ctrl",))
    assert "x_velocity" in found
    assert found["ok"].dtype == "float64"
    assert not {"note", "reward_ctrl", "dt", "prev_x"} & set(found)


def test_a_missing_info_entry_and_a_wrong_address_say_what_there_is() -> None:
    env, step = stepped("Ant-v5")
    with pytest.raises(KeyError, match=r"'speed'.*x_velocity"):
        SignalReader(env, {"speed": "info:speed"}).read(*step)
    for address in ("body:nothing:position", "body:torso:colour", "joint:hip_1:colour", "model:colour", "colour"):
        with pytest.raises(ValueError, match=r"'\S*(colour|nothing)\S*'"):
            SignalReader(env, {"x": address})


def test_reading_three_signals_is_quick() -> None:
    env, step = stepped("Ant-v5")
    readers = {"v": "body:torso:linear_velocity", "up": "body:torso:up", "action": "action"}
    reader = SignalReader(env, readers)
    best = min(timeit.repeat(lambda: reader.read(*step), number=1000, repeat=7)) / 1000
    assert best < 30e-6
