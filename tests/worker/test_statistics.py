from __future__ import annotations

import json

import numpy as np
import pytest

from rewardsmith.reward.process import Answer
from rewardsmith.worker.recording import Recording
from rewardsmith.worker.statistics import POINTS, TrainingStatistics


def stretch(rng: np.random.Generator, steps: int, width: int = 2, ends_every: int = 5) -> tuple[Recording, Answer]:
    speed, effort = rng.normal(1, 2, (steps, width)), -rng.random((steps, width))
    ends = np.zeros((steps, width), dtype=bool)
    ends[ends_every - 1 :: ends_every] = True
    none = np.zeros((steps, width), dtype=bool)
    recording = Recording(arrays={}, starts=none, terminated=ends, truncated=none, stock=np.zeros((steps, width)))
    return recording, Answer(total=speed + effort, components={"speed": speed, "effort": effort})


def test_points_are_those_of_all_values_of_their_stretch() -> None:
    rng = np.random.default_rng(0)
    statistics = TrainingStatistics(steps=400, environments=2)
    kept = [stretch(rng, 10) for _ in range(20)]
    for recording, answer in kept:
        statistics.add(recording, answer)
    by_name = {component.name: component for component in statistics.components()}
    assert list(by_name) == ["total", "speed", "effort"]
    assert [len(component.points) for component in by_name.values()] == [POINTS] * 3
    for number in range(POINTS):
        answers = [answer for _, answer in kept[2 * number : 2 * number + 2]]
        speed = np.concatenate([answer.components["speed"] for answer in answers])
        effort = np.concatenate([answer.components["effort"] for answer in answers])
        point = by_name["speed"].points[number]
        assert point.steps == 40 * (number + 1)
        assert (point.low, point.high) == (speed.min(), speed.max())
        assert point.mean == pytest.approx(speed.mean())
        assert point.std == pytest.approx(speed.std())
        assert point.share == pytest.approx(abs(speed).mean() / (abs(speed).mean() + abs(effort).mean()))
        assert by_name["total"].points[number].mean == pytest.approx((speed + effort).mean())


def test_episode_lengths_count_across_recordings() -> None:
    rng = np.random.default_rng(0)
    statistics = TrainingStatistics(steps=1000, environments=2)
    for _ in range(3):
        statistics.add(*stretch(rng, 4, ends_every=2))
    statistics.add(*stretch(rng, 3, ends_every=4))
    statistics.add(*stretch(rng, 5, ends_every=2))
    (point,) = statistics.episodes()
    assert point.episodes == 2 * (6 + 0 + 2)
    assert point.mean_length == pytest.approx((6 * 2 + 5 + 2) / 8)


def test_a_restart_forgets_episodes_that_were_cut() -> None:
    rng = np.random.default_rng(0)
    statistics = TrainingStatistics(steps=1000, environments=2)
    statistics.add(*stretch(rng, 3, ends_every=9))
    statistics.restart()
    statistics.add(*stretch(rng, 2, ends_every=2))
    assert statistics.episodes()[0].mean_length == 2.0


def test_correlation_of_episode_sums_with_scores() -> None:
    statistics = TrainingStatistics(steps=10, environments=2)
    statistics.add(*stretch(np.random.default_rng(0), 10))
    scores, speed = [1.0, 2.0, 4.0, 3.0], [0.5, 1.0, 1.5, 3.0]
    statistics.add_held_out(scores[:2], {"total": [1, 1], "speed": speed[:2], "effort": [-1, -2]})
    statistics.add_held_out(scores[2:], {"total": [1, 1], "speed": speed[2:], "effort": [-4, -3]})
    found = {component.name: component.correlation for component in statistics.components()}
    assert found["total"] is None
    assert found["effort"] == pytest.approx(-1.0)
    assert found["speed"] == pytest.approx(np.corrcoef(scores, speed)[0, 1])


def test_stored_statistics_go_on_exactly() -> None:
    rng = np.random.default_rng(4)
    parts = [stretch(rng, 7, ends_every=3) for _ in range(10)]
    whole, first = TrainingStatistics(140, 2), TrainingStatistics(140, 2)
    for part in parts[:5]:
        whole.add(*part)
        first.add(*part)
    whole.add_held_out([1.0, 2.0], {"total": [3.0, 5.0]})
    first.add_held_out([1.0, 2.0], {"total": [3.0, 5.0]})
    second = TrainingStatistics(140, 2)
    second.load(json.loads(json.dumps(first.dump())))
    whole.restart()
    for part in parts[5:]:
        whole.add(*part)
        second.add(*part)
    assert second.components() == whole.components()
    assert second.episodes() == whole.episodes()


def test_sums_whose_squares_vanish_still_correlate() -> None:
    statistics = TrainingStatistics(steps=10, environments=2)
    statistics.add(*stretch(np.random.default_rng(0), 10))
    statistics.add_held_out([1.0, 2.0, 3.0], {"total": [1e-200, 2e-200, 3e-200]})
    assert statistics.components()[0].correlation == pytest.approx(1.0)
