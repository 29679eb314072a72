"""Every shipped robot against its real environment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rewardsmith.catalogue.tasks import list_tasks, load_task
from rewardsmith.domain.job import SurveyJob
from rewardsmith.domain.robot import Robot
from rewardsmith.errors import TaskError
from rewardsmith.motion import program
from rewardsmith.motion.api import PREFIX, Call, calls, range_of
from rewardsmith.motion.description import bullets, template
from rewardsmith.motion.fitting import check_fits, check_whole, robot_of
from rewardsmith.screening.screen import Screen
from rewardsmith.search.surveying import load_survey
from rewardsmith.worker.survey import run
from tests.motion.moved import FOLDERS, robot

ROBOTS = tuple(name for name in list_tasks(FOLDERS) if load_task(name, FOLDERS).robot)
EVERYDAY = ("hopper", "reacher")


def slow_but(quick, names):
    return [pytest.param(name, marks=() if name in quick else pytest.mark.slow) for name in names]


def every_call(moved: Robot, *, but: set[str]) -> str:
    """A program with each call that a robot has, for all that it may be about."""
    return "\n".join(
        _call(moved, call, subject)
        for call in calls(moved).values()
        if call.name not in but
        for subject in call.subjects
    )


def _call(moved: Robot, call: Call, subject: str) -> str:
    given = [f'"{subject}"'] if subject else []
    for argument in call.numbers:
        values = range_of(moved, call, argument, subject)
        given.append(f"{argument.name}={0.6 * values.high + 0.4 * values.low:g}")
    return f"{PREFIX}{call.name}({', '.join(given)})"


def test_robots_are_those_of_the_issue_and_of_the_tasks_that_share_them():
    assert set(ROBOTS) == {
        *("ant", "hopper", "walker2d", "humanoid", "half_cheetah", "reacher"),
        *("ant_spin", "hopper_high", "walker2d_backward", "humanoid_standup", "half_cheetah_backward"),
    }
    assert load_task("ant_spin", FOLDERS).robot == load_task("ant", FOLDERS).robot


@pytest.mark.parametrize("name", slow_but(EVERYDAY, ROBOTS))
def test_a_program_of_every_call_passes_the_gates(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    task = load_task(name, FOLDERS)
    run(SurveyJob(task=task, episodes=2, max_steps=300), tmp_path / "out")
    survey, probe = load_survey(tmp_path)
    check_fits(task, survey.names())
    moved = robot_of(task)
    for but in ({"torso_place", "torso_heading", "tip_place"}, {"torso_velocity", "torso_turning", "tip_at"}):
        source = program.as_reward(every_call(moved, but=but), moved, step=survey.dt, before={})
        verdict = Screen(survey, probe).judge(lambda source=source: source, [])
        assert verdict.passed, verdict.failure
        assert len(verdict.components) >= len(moved.terms) - 2
        assert {"effort"} <= set(verdict.components)


@pytest.mark.parametrize("name", sorted({"ant", "hopper", "walker2d", "humanoid", "half_cheetah"}))
def test_what_a_robot_is_at_rest_is_what_the_simulator_says(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    import gymnasium
    import mujoco

    task = load_task(name, FOLDERS)
    moved = robot_of(task)
    env = gymnasium.make(task.environment.id, **task.environment.kwargs).unwrapped
    env.reset(seed=0)
    mujoco.mj_resetData(env.model, env.data)
    env.data.qpos[:] = env.init_qpos
    mujoco.mj_forward(env.model, env.data)
    if name in ("ant", "half_cheetah"):
        for _ in range(200):
            env.step(np.zeros(env.action_space.shape))
    bodies = {env.model.body(i).name or _unnamed(env.model, i): i for i in range(env.model.nbody)}
    torso = env.data.xpos[bodies[moved.torso]]
    assert moved.height == pytest.approx(torso[2], abs=0.02)
    for foot in moved.feet.values():
        body = bodies[foot.body]
        tip = env.data.xpos[body] + env.data.xmat[body].reshape(3, 3) @ np.array(foot.tip)
        assert foot.height == pytest.approx(tip[2], abs=0.02)
        assert foot.stance == pytest.approx(tuple((tip - torso)[:2]), abs=0.02)
    for joint in moved.joints.values():
        found = env.model.joint(joint.joint)
        assert np.radians(joint.nominal) == pytest.approx(env.data.qpos[found.qposadr[0]], abs=0.03)
        assert (joint.low, joint.high) == pytest.approx(tuple(np.degrees(found.range)), abs=2.1)
    env.close()


def _unnamed(model, body: int) -> str:
    joint = model.body_jntadr[body]
    return f"{model.joint(joint).name}_body" if joint >= 0 else ""


@pytest.mark.parametrize("name", ROBOTS)
def test_every_term_of_a_robot_can_be_described(name):
    moved = robot_of(load_task(name, FOLDERS))
    described = {call for bullet in bullets(moved) for call in bullet.calls()}
    described |= {"foot_contact"} & {term for term in moved.terms if "touches, stays off" in template(moved)}
    assert described == set(moved.terms)


def test_a_body_that_there_is_not_is_named_with_its_near_misses():
    task = load_task("ant", FOLDERS)
    names = ["torso_quaternion", "ankle_1_body_quaternion", "hip_1_angle"]
    with pytest.raises(TaskError, match=r"\[feet.back_left\] body: .* no body 'ankle_2_body'; .*'ankle_1_body'"):
        check_fits(task, names)


def test_a_task_without_a_robot_says_what_to_write():
    with pytest.raises(TaskError, match="task cartpole has no robot") as caught:
        robot_of(load_task("cartpole", FOLDERS))
    assert "robot.toml beside its task.toml" in caught.value.hint


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"terms": ("torso_hight",)}, "no term 'torso_hight'; did you mean 'torso_height'"),
        ({"terms": ("torso_roll",), "planar": True}, "a planar robot has no torso_roll"),
        ({"terms": ("foot_contact",), "feet": {}}, "feet is missing, which the term foot_contact needs"),
        ({"terms": ("torso_height",), "height": None}, "height is missing"),
        ({"terms": ("tip_at",), "objects": {}}, "objects is missing"),
        ({"bullets": ()}, "bullets is missing"),
        ({"bullets": ("It is {torso_height.hight} m high.",)}, "did you mean torso_height.height"),
    ],
)
def test_a_robot_that_is_not_whole_is_refused(changes, said):
    with pytest.raises(TaskError) as caught:
        check_whole(robot(**changes), "robot.toml")
    assert said in str(caught.value)


def test_a_task_may_name_another_ones_robot(tmp_path):
    import shutil

    for name in ("ant", "cartpole"):
        shutil.copytree(Path(FOLDERS.envs[-1]) / name, tmp_path / name)
    file = tmp_path / "cartpole" / "task.toml"
    text = file.read_text()
    file.write_text('robot = "ant"\n' + text)
    assert load_task(tmp_path / "cartpole", FOLDERS).robot == load_task("ant", FOLDERS).robot
    file.write_text('robot = "pendulum"\n' + text)
    with pytest.raises(TaskError, match=r"robot = 'pendulum': that task has no robot\.toml"):
        load_task(tmp_path / "cartpole", FOLDERS)
