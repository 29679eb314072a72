"""MuJoCo Warp on its CPU device: worlds as every kind of worlds is, equal to Gymnasium's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch

from rewardsmith.domain.job import TrainJob
from rewardsmith.domain.report import Report
from rewardsmith.errors import InfrastructureError, TaskError, UsageError
from rewardsmith.worker.backends.worlds import Worlds
from rewardsmith.worker.train import run

from .conftest import PPO, SIGNALS, make_job, make_task
from .worlds import STEPS, WorldsConformance

pytest.importorskip("mujoco_warp", reason="needs the extra `warp`")

import warp as wp

from rewardsmith.worker.backends.warp.devices import find_device
from rewardsmith.worker.backends.warp.fitting import _is_want_of_memory
from rewardsmith.worker.backends.warp.rules import rules_of
from rewardsmith.worker.backends.warp.starts import Drawer
from rewardsmith.worker.backends.warp.worlds import WarpWorlds


class TestWarpWorlds(WorldsConformance):
    signals = MappingProxyType({signal.name: signal for signal in SIGNALS["InvertedPendulum-v5"]})

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


def test_physics_that_lacks_contacts_or_constraints_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from rewardsmith.worker.backends.warp import simulation

    put = simulation.mjw.put_data
    monkeypatch.setattr(simulation.mjw, "put_data", lambda *a, **named: put(*a, **named, njmax=1))
    worlds = WarpWorlds(make_task("InvertedPendulum-v5", horizon=STEPS), 3, "cpu")
    worlds.record({}, 2)
    worlds.reset(range(3))
    worlds.step(np.zeros((3, 1), dtype=np.float32))
    worlds.take()
    assert not caplog.records
    worlds._simulation.state.qpos[1] = torch.tensor([1.5, 2.0])  # beyond the limits of both joints
    worlds.step(np.zeros((3, 1), dtype=np.float32))
    worlds.take()
    assert "in 1 of 3 worlds some contacts or constraints were left out: there is room for 1 rows" in caplog.text
    caplog.clear()
    worlds.take()
    assert not caplog.records
    worlds.close()


def _exhaust_warp() -> None:
    for _ in range(2**12):
        wp.empty((2**31 - 1, 2**20), dtype=float, device="cpu")


def _exhaust_torch() -> None:
    torch.empty(2**50)


@pytest.mark.parametrize("exhaust", [_exhaust_warp, _exhaust_torch])
def test_want_of_memory_is_known_by_what_is_really_raised(exhaust: Callable[[], None]) -> None:
    with pytest.raises(RuntimeError) as caught:
        exhaust()
    assert _is_want_of_memory(caught.value)


@pytest.mark.parametrize(
    ("error", "want"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (torch.AcceleratorError("CUDA error: out of memory"), True),
        (RuntimeError("Graph launch error: Warp CUDA error 2: out of memory"), True),
        (torch.AcceleratorError("CUDA error: an illegal memory access was encountered"), False),
    ],
)
def test_a_fault_is_no_want_of_memory(error: RuntimeError, want: bool) -> None:
    assert _is_want_of_memory(error) is want


def test_starts_are_the_same_whenever_they_are_drawn() -> None:
    env: Any = gymnasium.make("Hopper-v5").unwrapped
    rules = rules_of(env)
    assert rules is not None
    seeds: list[int | None] = [4, 5, 6]
    at_need, ahead = Drawer(env, rules, 3), Drawer(env, rules, 3)
    for drawer in (at_need, ahead):
        drawer.draw(range(3), seeds)
    busy = iter([True, True, False])
    ahead.draw_ahead(lambda: next(busy))
    assert len(ahead._ahead) == 2, "one at a time, while the device is busy"
    for again in ([2, 0], [1], [0, 1, 2]):
        one, other = (drawer.draw(again, [None] * len(again)) for drawer in (at_need, ahead))
        for field in ("worlds", "qpos", "qvel", "observations", "marks"):
            assert torch.equal(getattr(one, field), getattr(other, field)), field
        ahead.draw_ahead(lambda: True)
    first = ahead.draw([1], [5])
    assert torch.equal(first.qpos, Drawer(env, rules, 3).draw([1], [5]).qpos), "a seed begins anew"
    env.close()


def test_an_environment_that_warp_cannot_step_says_what_it_can() -> None:
    with pytest.raises(TaskError, match=r"CartPole-v1 \(CartPoleEnv\) cannot run on MuJoCo Warp") as caught:
        WarpWorlds(make_task("CartPole-v1"), 2, "cpu")
    assert "HalfCheetah" in caught.value.hint


BALANCE = """
def compute_reward(observation, terminated):
    upright = 1.0 - abs(observation[:, 1]) - terminated
    return upright, {"upright": upright}
"""


def balancing(algorithm: str, **changes: Any) -> TrainJob:
    settings = PPO | {"n_steps": 8, "batch_size": 32}
    trainer = {"algorithm": algorithm, "environments": 8, "settings": settings, "backend": "warp", "device": "cpu"}
    task = make_task("InvertedPendulum-v5", horizon=10, trainer=trainer)
    return make_job(task, BALANCE, steps=256, rungs=2, **changes)


@pytest.mark.parametrize(
    "algorithm", [pytest.param("stable_baselines3.PPO", marks=pytest.mark.slow), pytest.param("skrl.PPO")]
)
def test_a_training_on_warp_resumes_as_if_nothing_had_happened(algorithm: str, tmp_path: Path) -> None:
    whole, half, rest = (tmp_path / name for name in ("whole", "half", "rest"))
    for folder in (whole, half, rest):
        folder.mkdir()
    run(balancing(algorithm), whole)
    run(balancing(algorithm, until=1), half)
    run(balancing(algorithm), rest, resume=half)
    one, other = (Report.model_validate_json((f / "report.json").read_text()) for f in (whole, rest))
    assert one.failure is None
    assert one.steps == 256
    assert [rung.scores for rung in one.rungs] == [rung.scores for rung in other.rungs]
    assert one.components == other.components
    for name in ("model.safetensors", "arrays.npz"):
        ours, theirs = ((f / "checkpoint" / "2" / name).read_bytes() for f in (whole, rest))
        assert ours == theirs, name


def test_ppo_on_the_device_is_paid_what_the_reward_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its buffer holds the feed's rewards, and beside them the discounted value of truncated ends."""
    from rewardsmith.worker.backends.warp import ppo

    held, drawn = [], []
    update, draw = ppo.PPO.update, ppo.RewardFeed.draw

    def watch(agent: Any, **times: Any) -> None:
        held.append(agent.memory.get_tensor_by_name("rewards")[:, :, 0].numpy().copy())
        update(agent, **times)

    def keep(feed: Any) -> Any:
        drawn.append(draw(feed))
        return drawn[-1]

    monkeypatch.setattr(ppo.PPO, "update", watch)
    monkeypatch.setattr(ppo.RewardFeed, "draw", keep)
    run(balancing("skrl.PPO"), tmp_path)
    assert len(held) == len(drawn) == 4
    added = np.concatenate(held) - np.concatenate([scaled for _, scaled in drawn])
    assert 0 < (np.abs(added) > 1e-6).sum() < added.size / 8, "only where an episode was cut"


def test_ppo_on_the_device_says_what_it_needs(tmp_path: Path) -> None:
    job = balancing("skrl.PPO")
    trainer = job.task.trainer.model_copy(update={"backend": "gymnasium"})
    with pytest.raises(TaskError, match="learns where the worlds are") as caught:
        run(job.model_copy(update={"task": job.task.model_copy(update={"trainer": trainer})}), tmp_path)
    assert "--backend warp" in caught.value.hint


def test_a_gpu_that_is_not_there_is_said_and_nothing_falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(UsageError, match="asked to run on a GPU, and cannot") as caught:
        find_device("cuda")
    assert "--device cpu" in caught.value.hint
    assert find_device("cpu") == "cpu"


def test_worlds_are_halved_until_they_fit_and_the_report_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rewardsmith.worker.backends.warp import fitting

    step = fitting.WarpWorlds.try_out

    def scarce(worlds: WarpWorlds) -> None:
        if worlds.count > 2:
            raise RuntimeError("Failed to allocate 17179869184 bytes on device 'cuda:0'")
        step(worlds)

    monkeypatch.setattr(fitting.WarpWorlds, "try_out", scarce)
    monkeypatch.setattr(fitting, "_FEWEST", 1)
    run(balancing("skrl.PPO"), tmp_path)
    assert Report.model_validate_json((tmp_path / "report.json").read_text()).worlds == 2
    assert "too little memory on cpu for 8 worlds: 2 train" in capsys.readouterr().out
    monkeypatch.setattr(fitting, "_FEWEST", 8)
    with pytest.raises(InfrastructureError, match="8 worlds of InvertedPendulum-v5 do not fit"):
        run(balancing("skrl.PPO"), tmp_path)


def test_a_fault_of_the_device_is_no_failure_of_the_candidate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(WarpWorlds, "advance", broken)
    with pytest.raises(RuntimeError, match="CUDA error"):
        run(balancing("skrl.PPO"), tmp_path)
    assert not (tmp_path / "report.json").exists()
