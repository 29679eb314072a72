"""The score rules of Isaac's tasks, on made-up episodes: none of these tasks can be run without NVIDIA's simulators."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.tasks import list_tasks, load_task
from rewardsmith.domain.offer import TaskSummary
from rewardsmith.domain.survey import Signal
from rewardsmith.reward.process import RewardProcess, ScoreProcess
from rewardsmith.reward.source import analyse_score

FOLDERS = find_folders(here=Path(__file__).resolve().parents[2])
NAMES = [name for name in list_tasks(FOLDERS) if load_task(name, FOLDERS).environment.simulator != "gymnasium"]
EVERYDAY = ("isaac_ant", "isaac_anymal")


def rule(name: str, function: str = "score") -> Callable[..., Any]:
    namespace: dict[str, Any] = {}
    exec(load_task(name, FOLDERS).score.source, namespace)
    found: Callable[..., Any] = namespace[function]
    return found


def signals(name: str, rows: int) -> tuple[dict[str, Signal], dict[str, np.ndarray]]:
    """Random rows of what the task file names, of the widths that IsaacGymEnvs and Isaac Lab give them."""
    task, random = load_task(name, FOLDERS), np.random.default_rng(0)
    widths = {"quaternion": (4,), "position": (3,), "velocity": (3,), "command": (3,)}
    found = {"action": Signal(name="action", shape=(2,), meaning="action", reader="action")}
    for each, spec in task.signals.items():
        shape = next((s for word, s in widths.items() if each.endswith(word)), ())
        if isinstance(spec.index, int):
            shape = ()
        elif spec.index is not None:
            shape = (len(spec.index),)
        found[each] = Signal(name=each, shape=shape, meaning=spec.meaning, reader=f"info:{each}")
    return found, {each: random.normal(size=(rows, *s.shape)) for each, s in found.items()}


@pytest.mark.parametrize("name", [n if n in EVERYDAY else pytest.param(n, marks=pytest.mark.slow) for n in NAMES])
def test_its_rule_runs_in_the_locked_process(name: str) -> None:
    task = load_task(name, FOLDERS)
    found, arrays = signals(name, 7)
    whole = analyse_score(task.score.source, found)
    assert whole.sparse is not None
    process = ScoreProcess(task.score.source, found, dt=0.02, horizon=task.environment.horizon)
    with process:
        answer = process.ask({n: arrays[n] for n in process.reads}, terminated=True)
    assert np.isfinite(answer.score)
    assert (answer.success is not None) == whole.success
    with RewardProcess(task.score.source, found, function="sparse") as sparse:
        paid = sparse.ask({n: arrays[n][:, None] for n in sparse.reads}, np.eye(7, 1, dtype=bool))
    assert np.isfinite(paid.total).all()


def test_running_forward_is_what_an_ant_is_for() -> None:
    score = rule("isaac_ant")
    forward = np.zeros((1000, 3))
    forward[:, 0] = 2.0 * 0.0166 * np.arange(1000)
    assert score(forward, 1000, 0.0166) == pytest.approx(2.0, rel=2e-3), "2 m/s over the whole horizon"
    assert score(forward[:500], 1000, 0.0166) == pytest.approx(1.0, rel=3e-3), "half of it after a fall at half time"
    assert score(-forward, 1000, 0.0166) < 0.0
    paid, _ = rule("isaac_ant", "sparse")(forward[1:], forward[:-1])
    assert paid.sum() / (1000 * 0.0166) == pytest.approx(score(forward, 1000, 0.0166))


def test_a_crash_is_no_way_to_hover() -> None:
    score = rule("isaac_quadcopter")
    near = np.tile([0.0, 0.0, 1.1], (500, 1))
    assert score(near, 500) == pytest.approx(-0.1)
    assert score(near[:5], 500) == pytest.approx(-(5 * 0.1 + 495 * 3.0) / 500)


def test_a_command_is_followed_in_the_axes_of_the_base() -> None:
    score = rule("isaac_anymal")
    half = np.sqrt(0.5)
    turned = np.tile([half, 0.0, 0.0, half], (10, 1))  # looks along the world's y
    ahead, still = np.tile([0.0, 1.0, 0.0], (10, 1)), np.zeros((10, 3))
    command = np.tile([1.0, 0.0, 0.0], (10, 1))
    assert score(turned, ahead, still, command, 10) == pytest.approx(0.0)
    assert score(turned, still, still, command, 10) == pytest.approx(-1.0)
    assert score(turned, ahead, still, command, 20) == pytest.approx(-0.5), "after a fall it stands still"


def test_goals_of_a_hand_are_counted() -> None:
    goal = np.tile([1.0, 0.0, 0.0, 0.0], (4, 1))
    angles = np.array([0.0, 0.09, 0.11, 3.0])
    there = np.stack([np.cos(angles / 2), np.sin(angles / 2), 0 * angles, 0 * angles], axis=1)
    there[1] *= -1.0  # the same orientation
    for name in ("isaac_shadow_hand", "isaac_allegro_hand"):
        assert rule(name)(there, goal) == 2.0


def test_durations_drawers_and_targets() -> None:
    for name in ("isaac_cartpole", "isaac_ball_balance", "isaac_lab_cartpole"):
        assert rule(name)(np.zeros((50, 1)), 200) == 0.25
    assert rule("isaac_franka_cabinet")(np.array([0.0, 0.391, 0.1])) == 1.0
    assert rule("isaac_franka_cabinet")(np.array([0.0, 0.389, 0.1])) == 0.0
    place, target = np.array([[5.0, 0.0, 1.0], [5.0, 0.0, 1.1]]), np.array([[5.0, 0.0, 1.2]] * 2)
    assert rule("isaac_lab_quadcopter")(place, target) == pytest.approx(-0.1)


@pytest.mark.parametrize("name", NAMES)
def test_a_list_says_what_it_needs(name: str) -> None:
    task = load_task(name, FOLDERS)
    simulator = task.environment.simulator
    assert TaskSummary.of(task).needs == f"interpreter {simulator} (not named)"
    assert TaskSummary.of(task, {simulator: "/opt/python"}).needs == f"interpreter {simulator}"
    trainer = task.trainer
    rollout = trainer.environments * trainer.settings["n_steps"]
    assert rollout % trainer.settings["batch_size"] == 0, "no minibatch is smaller than the others"
    assert all(budget.steps >= budget.rungs * rollout for budget in task.budgets.values()), "a rollout in each rung"
