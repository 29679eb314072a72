"""Worlds of another interpreter are, step by step, what they are in this one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from foreign_cart import make_task

from rewardsmith.domain.job import RewardSpec, SurveyJob, TrainJob
from rewardsmith.domain.report import Report
from rewardsmith.domain.survey import Survey
from rewardsmith.domain.task import ScoreRule, SignalSpec, Task
from rewardsmith.export.signals import SignalReader
from rewardsmith.worker import survey, train
from rewardsmith.worker.backends.gymnasium import make
from rewardsmith.worker.backends.insight import insight
from rewardsmith.worker.backends.opening import open_worlds

pytestmark = pytest.mark.usefixtures("known")

CHEETAH: dict[str, Any] = {
    "module_source": None,
    "score": ScoreRule(source="def score(x_velocity, horizon):\n    return float(x_velocity.mean())\n", meaning="test"),
    "environment": {"horizon": 20, "module": None},
}
TURN: dict[str, Any] = {"source": "observation", "index": 1, "unit": "rad", "meaning": "angle"}


def surveyed(task: Task, folder: Path) -> tuple[Survey, dict[str, Any]]:
    survey.run(SurveyJob(task=task, episodes=3, max_steps=60), folder)
    with np.load(folder / "probe.npz", allow_pickle=False) as file:
        return Survey.model_validate_json((folder / "survey.json").read_text()), dict(file)


@pytest.mark.parametrize(
    ("env_id", "changes"),
    [pytest.param("Cart-v0", {}, marks=pytest.mark.slow), ("HalfCheetah-v5", CHEETAH)],
)
def test_a_survey_tells_the_same(tmp_path: Path, env_id: str, changes: dict[str, Any]) -> None:
    here, probe = surveyed(make_task(env_id, interpreter=None, **changes), tmp_path / "here")
    there, far_probe = surveyed(make_task(env_id, **changes), tmp_path / "there")
    own = {"reader", "fingerprint", "steps_per_second", "origins"}
    one, other = ({s.name: s.model_dump(exclude={"reader"}) for s in each.signals} for each in (here, there))
    assert one == other
    assert {*here.dropped_info} == {*there.dropped_info} != set()
    assert here.view == there.view
    assert there.view.count("def step") == 1
    left_out = own | {"signals", "dropped_info"}
    assert here.model_dump(exclude=left_out) == there.model_dump(exclude=left_out)
    for name, array in probe.items():
        np.testing.assert_array_equal(array, far_probe[name], err_msg=name)


def test_worlds_step_as_environments_do(tmp_path: Path) -> None:
    found, _ = surveyed(make_task(), tmp_path)
    signals = {signal.name: signal for signal in found.signals}
    here, there = open_worlds(make_task(interpreter=None), 3), open_worlds(make_task(), 3)
    random = np.random.default_rng(0)
    try:
        readers = {name: s.model_copy(update={"reader": s.reader}) for name, s in signals.items()}
        here.record({"gap": readers["gap"], "action": readers["action"]}, 40, also=readers, first=2)
        there.record({"gap": signals["gap"], "action": signals["action"]}, 40, also=signals, first=2)
        _equal(here.reset([1, 2, 3]), there.reset([1, 2, 3]))
        ended = 0
        for _ in range(40):
            actions = random.uniform(0.0, 1.0, size=(3, 1)).astype(np.float32)
            one, other = here.step(actions), there.step(actions)
            _equal(one.observations, other.observations)
            assert one.last.keys() == other.last.keys()
            for i, last in one.last.items():
                _equal(last, other.last[i])
                ended += 1
            np.testing.assert_array_equal(one.terminated, other.terminated)
            np.testing.assert_array_equal(one.truncated, other.truncated)
        assert ended > 3
        ours, theirs = here.take(), there.take()
        for name, array in ours.arrays.items():
            upto = 3 if name in ("gap", "action") else 2
            np.testing.assert_array_equal(array[:, :upto], theirs.arrays[name][:, :upto], err_msg=name)
        for name in ("starts", "terminated", "truncated", "stock"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)
        _equal(here.reset([4, 5]), there.reset([4, 5]))
        running = np.array([True, False, False])
        here.step(actions, running=running)
        there.step(actions, running=running)
        np.testing.assert_array_equal(here.take().arrays["gap"][:, 0], there.take().arrays["gap"][:, 0])
    finally:
        here.close()
        there.close()


@pytest.mark.slow
def test_a_training_is_the_same_training(tmp_path: Path) -> None:
    found, _ = surveyed(make_task(), tmp_path)
    reports = []
    for interpreter in (None, "own"):
        out = tmp_path / str(interpreter)
        out.mkdir()
        job = TrainJob(
            task=make_task(interpreter=interpreter),
            signals=found.signals,
            reward=RewardSpec(kind="human", reward_id="human"),
            seed=1,
            steps=96,
            rungs=1,
            episodes=4,
            tensorboard=False,
        )
        train.run(job, out)
        reports.append(Report.model_validate_json((out / "report.json").read_text()))
    assert reports[0].failure is None
    assert reports[0].rungs == reports[1].rungs
    assert reports[0].components == reports[1].components


def test_a_signal_of_the_task_file_is_cut_there() -> None:
    tip = {"tip": SignalSpec(source="qpos", index=1, unit="m", meaning="height"), "turn": SignalSpec(**TURN)}
    env = make(make_task("HalfCheetah-v5", **CHEETAH, signals=tip))
    try:
        env.reset(seed=0)
        observation, *_, info = env.step(np.zeros(6, dtype=np.float32))
        found = insight(env).signals({}, info)
        assert found["tip"]._replace(dtype="") == ("tip", (), "", "m", "height", "info:tip")
        row = SignalReader(env, {name: found[name].reader for name in tip}).read(observation, None, False, info)
        assert row["tip"] == observation[0], "the observation begins with the height"
        assert row["turn"] == observation[1]
    finally:
        env.close()


def test_a_step_without_seconds_counts_as_one() -> None:
    space: dict[str, Any] = {"module_source": None, "environment": {"module": None}}
    worlds = open_worlds(make_task("MountainCarContinuous-v0", **space), 1)
    try:
        assert worlds.seconds_per_step == 1.0
    finally:
        worlds.close()


def test_one_world_draws(known: Callable[..., None]) -> None:
    env = make(make_task(), render_mode="rgb_array")
    try:
        env.reset(seed=0)
        np.testing.assert_array_equal(env.render(), np.full((8, 6, 3), 17, dtype=np.uint8))
    finally:
        env.close()


def _equal(one: Any, other: Any) -> None:
    assert one.keys() == other.keys()
    for key, part in one.items():
        np.testing.assert_array_equal(part, other[key], err_msg=key)
        assert part.dtype == other[key].dtype
