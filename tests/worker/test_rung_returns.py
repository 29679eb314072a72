from __future__ import annotations

import pytest

from .conftest import Train, make_job, make_task

LENGTH = "def score(observation):\n    return float(len(observation))\n"
STEP = "def compute_reward(observation, terminated):\n    return 2.0 - terminated, {}\n"


def test_a_rung_tells_what_the_reward_paid_over_each_episode(train: Train) -> None:
    """Two per step and one for the last, of poles that fall."""
    report, _ = train(make_job(make_task("CartPole-v1", score=LENGTH, horizon=500), source=STEP, steps=256))
    for rung in report.rungs:
        assert rung.returns == pytest.approx([2.0 * length - 1.0 for length in rung.lengths])
