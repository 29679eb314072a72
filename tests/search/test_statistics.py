import numpy as np
import pytest

from rewardsmith.search.statistics import interval


def test_nothing_has_no_interval():
    assert interval([]) is None


def test_one_value_has_a_mean_and_no_ends():
    found = interval([2.0])
    assert (found.mean, found.low, found.high, found.n) == (2.0, None, None, 1)


def test_three_values_use_students_t():
    found = interval([1.0, 2.0, 3.0])
    half = 4.303 * 1.0 / 3**0.5
    assert found.mean == pytest.approx(2.0)
    assert found.high - found.mean == pytest.approx(half, rel=1e-3)
    assert found.mean - found.low == pytest.approx(half, rel=1e-3)


def test_students_t_covers_the_truth_in_95_of_100_cases():
    generator = np.random.default_rng(0)
    samples = generator.normal(size=(4000, 5))
    found = [interval(list(row)) for row in samples]
    covered = np.mean([f.low <= 0.0 <= f.high for f in found])
    assert covered == pytest.approx(0.95, abs=0.015)


def test_from_ten_values_the_bootstrap_is_used_and_is_repeatable():
    values = [0.0] * 9 + [10.0]
    found = interval(values)
    assert found == interval(values)
    assert found.low == 0.0, "percentiles of resampled means cannot leave the data's range; Student's t would"
    assert found.high > 1.0
