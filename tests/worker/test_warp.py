"""MuJoCo Warp on its CPU device: worlds as every kind of worlds is, equal to Gymnasium's."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import gymnasium
import numpy as np
import pytest

from rewardsmith.domain.survey import Signal
from rewardsmith.errors import TaskError
from rewardsmith.worker.backends.worlds import Worlds

from .conftest import make_task
from .worlds import STEPS, WorldsConformance

pytest.importorskip("mujoco_warp", reason="needs the extra `warp`")

from rewardsmith.worker.backends.warp.worlds import WarpWorlds

POLE = {
    "observation": Signal(name="observation", shape=(4,), meaning="cart and pole", reader="observation"),
    "action": Signal(name="action", shape=(1,), meaning="push", reader="action"),
    "terminated": Signal(name="terminated", shape=(), dtype="bool", meaning="fallen", reader="terminated"),
}


class TestWarpWorlds(WorldsConformance):
    signals = MappingProxyType(POLE)

    def open(self) -> Worlds:
        return WarpWorlds(make_task("InvertedPendulum-v5", horizon=STEPS // 2), self.count, "cpu")

    def test_episodes_start_as_gymnasium_starts_them_with_the_same_seed(self, worlds: Worlds) -> None:
        env = gymnasium.make("InvertedPendulum-v5", max_episode_steps=STEPS // 2)
        first = [env.reset(seed=seed)[0] for seed in (5, 6)]
        second, _ = env.reset()
        here = worlds.reset([5, 6, None])
        assert np.allclose(here[:2], first, atol=1e-7)
        for _ in range(STEPS // 2):
            stepped = worlds.step(np.zeros((3, 1), dtype=np.float32))
        assert np.allclose(stepped.observations[1], second, atol=1e-7), "the second episode goes on with the generator"
        env.close()

    def test_a_world_that_breaks_is_put_back_and_the_others_go_on(self, worlds: Any) -> None:
        worlds.reset(range(self.count))
        worlds._simulation.state.qvel[1] = float("nan")
        worlds.step(np.zeros((3, 1), dtype=np.float32))
        seen = worlds.take().arrays["observation"][0]
        assert np.isfinite(seen).all()
        assert not seen[1].any(), "MuJoCo puts a broken model back to where it starts"
        assert seen[0].any()


def test_an_environment_that_warp_cannot_step_says_what_it_can() -> None:
    with pytest.raises(TaskError, match=r"CartPole-v1 \(CartPoleEnv\) cannot run on MuJoCo Warp") as caught:
        WarpWorlds(make_task("CartPole-v1"), 2, "cpu")
    assert "HalfCheetah" in caught.value.hint
