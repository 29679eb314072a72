"""Every shipped task of MuJoCo on Warp against Gymnasium: equal states, equal actions, equal steps.

On Warp's CPU device, or on the GPU that REWARDSMITH_TEST_DEVICE=cuda asks for.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import gymnasium
import mujoco
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.tasks import list_tasks, load_task
from rewardsmith.domain.survey import Signal
from rewardsmith.domain.task import Task
from rewardsmith.export.discovery import discover
from rewardsmith.worker.backends.environments import Environments
from rewardsmith.worker.backends.gymnasium import make

pytest.importorskip("mujoco_warp", reason="needs the extra `warp`")

from rewardsmith.worker.backends.warp.rules import rules_of
from rewardsmith.worker.backends.warp.starts import Starts
from rewardsmith.worker.backends.warp.state import of_host
from rewardsmith.worker.backends.warp.worlds import WarpWorlds

FOLDERS = find_folders(here=Path(__file__).resolve().parents[2])
SERVED = {name for name, spec in gymnasium.registry.items() if "envs.mujoco" in str(spec.entry_point)}
MUJOCO = [name for name in list_tasks(FOLDERS) if load_task(name, FOLDERS).environment.id in SERVED]
EVERYDAY = ("ant",)
DEVICE = os.environ.get("REWARDSMITH_TEST_DEVICE", "cpu")
COUNT = 48
NEAR = 1e-4
"""Of 1 and the largest magnitude that a signal has there: float32 against float64, contacts among the states."""
DRIFT = 1e-3
"""The same after ten steps: what differs grows with every contact."""


class Visited:
    """Steps that Gymnasium made under random actions, each with the state that it began in."""

    def __init__(self, task: Task) -> None:
        env = make(task)
        inner: Any = env.unwrapped
        solve_as_warp(inner)
        rules = rules_of(inner)
        assert rules is not None
        env.action_space.seed(0)
        env.reset(seed=0)
        info = env.step(env.action_space.sample())[4]
        physical = {key: value for key, value in info.items() if "reward" not in key and "penalty" not in key}
        self.signals = {
            name: Signal(name=name, shape=f.shape, dtype=f.dtype, meaning="-", reader=f.reader)
            for name, f in discover(env, task.signals, info=physical).items()
        }
        worlds = Environments([env])
        worlds.record(self.signals, COUNT)
        worlds.reset([1])
        states, self.actions = [], []
        for _ in range(COUNT):
            data = inner.data
            mark = rules.mark(of_host(data))[0].numpy()
            states.append([x.copy() for x in (data.qpos, data.qvel, data.qacc_warmstart, inner._get_obs(), mark)])
            self.actions.append(env.action_space.sample())
            worlds.step(self.actions[-1][None])
        self.recording = worlds.take()
        worlds.close()
        columns = [torch.from_numpy(np.stack(column)) for column in zip(*states, strict=True)]
        self.starts = Starts(torch.arange(COUNT), *columns)


def solve_as_warp(inner: Any) -> None:
    """With Newton's solver where the model names PGS, which Warp has not."""
    if inner.model.opt.solver == mujoco.mjtSolver.mjSOL_PGS:
        inner.model.opt.solver = mujoco.mjtSolver.mjSOL_NEWTON


def assert_near(here: NDArray[Any], there: NDArray[Any], name: str, near: float = NEAR) -> None:
    far = np.abs(here.astype(float) - there.astype(float)).max()
    assert far <= near * (1 + np.abs(there).max()), f"{name} is {far:.2g} off, of {np.abs(there).max():.3g}"


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in EVERYDAY else pytest.mark.slow) for n in MUJOCO])
def test_a_step_of_warp_is_a_step_of_gymnasium(name: str) -> None:
    task = load_task(name, FOLDERS)
    visited = Visited(task)
    worlds = WarpWorlds(task, COUNT, DEVICE)
    worlds.record(visited.signals, 1)
    worlds.put(visited.starts)
    worlds.step(np.stack(visited.actions))
    here, there = worlds.take(), visited.recording
    assert len(visited.signals) > 10
    for signal in visited.signals:
        assert_near(here.arrays[signal][0], there.arrays[signal][:, 0], signal)
    assert_near(here.stock[0], there.stock[:, 0], "the stock reward")
    assert np.array_equal(here.terminated[0], there.terminated[:, 0])
    worlds.close()


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in EVERYDAY else pytest.mark.slow) for n in MUJOCO])
def test_a_short_episode_of_warp_is_one_of_gymnasium(name: str) -> None:
    task = load_task(name, FOLDERS)
    envs = [make(task) for _ in range(4)]
    for env in envs:
        solve_as_warp(env.unwrapped)
    there, here = Environments(envs), WarpWorlds(task, 4, DEVICE)
    assert_near(here.reset(range(4)), there.reset(range(4)), "the first observation")
    space = envs[0].action_space
    space.seed(0)
    for step in range(10):
        actions = np.stack([space.sample() for _ in envs])
        assert_near(here.step(actions).observations, there.step(actions).observations, f"observation {step}", DRIFT)
        for worlds in (here, there):
            worlds.take()
    there.close()
    here.close()
