"""What is said of luck holds: bands cover, false alarms are as rare as stated, stated drops are found."""

from __future__ import annotations

import numpy as np
import pytest

from rewardsmith.checking.doubt import LEVEL, POWER, detectable, dropped, lowest, luck

SPREAD, TOLERANCE, TRIES = 0.1, 0.05, 800


@pytest.fixture
def draw():
    generator = np.random.default_rng(7)
    return lambda mean, n: generator.normal(mean, SPREAD, n).tolist()


@pytest.mark.parametrize("n", [2, 3, 5])
def test_a_further_training_is_within_the_band(draw, n):
    below = np.mean([draw(1.0, 1)[0] < lowest(draw(1.0, n)) for _ in range(TRIES)])
    assert below == pytest.approx(1 - LEVEL, abs=0.025)


def test_luck_is_what_the_band_is_made_of():
    locked = [0.9, 1.0, 1.2]
    assert luck(locked, lowest(locked)) == pytest.approx(1 - LEVEL)
    assert luck(locked, float(np.mean(locked))) == pytest.approx(0.5)
    assert luck([1.0, 1.0], 0.9) == 0.0


@pytest.mark.parametrize(("locked", "seeds"), [(3, 3), (5, 1)])
def test_alarms_are_false_as_rarely_and_true_as_often_as_stated(draw, locked, seeds):
    known = np.array([-1.0, 1.0, *np.zeros(locked - 2)])
    least = detectable((1 + SPREAD * known / known.std(ddof=1)).tolist(), seeds, TOLERANCE)

    def alarms(drop):
        return np.mean([dropped(draw(1.0, locked), draw(1.0 - drop, seeds), TOLERANCE) >= LEVEL for _ in range(TRIES)])

    assert alarms(TOLERANCE) == pytest.approx(1 - LEVEL, abs=0.025)
    assert alarms(least) == pytest.approx(POWER, abs=0.045)


def test_many_seeds_are_resampled(draw):
    assert dropped(draw(1.0, 10), draw(0.8, 10), TOLERANCE) > LEVEL
    assert dropped(draw(1.0, 10), draw(1.2, 10), TOLERANCE) < 1 - LEVEL


def test_one_score_tells_no_spread():
    assert lowest([1.0]) is luck([1.0], 0.5) is detectable([1.0], 3, 0.0) is dropped([1.0], [0.5], 0.0) is None
    assert dropped([1.0], [0.5, 0.5], 0.1) == 1.0
