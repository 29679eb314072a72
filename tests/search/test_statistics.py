import numpy as np
import pytest
from scipy.stats import bootstrap

from rewardsmith.domain.task import ScoreRule
from rewardsmith.search.statistics import human_normalised, improvement, interval


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
    assert found.low == 0.0, "resampled means cannot leave the data's range; Student's t would"
    assert found.high > 1.0


@pytest.mark.parametrize("n", [10, 12, 100])
@pytest.mark.parametrize("kind", ["normal", "exponential", "cauchy", "binary"])
def test_the_bootstrap_is_scipys(kind: str, n: int):
    generator = np.random.default_rng(n)
    drawn = {
        "normal": generator.normal(size=n),
        "exponential": generator.exponential(size=n),
        "cauchy": generator.standard_cauchy(size=n),
        "binary": np.arange(n) % 3 == 0,
    }
    values = drawn[kind].astype(float)
    theirs = bootstrap((values,), np.mean, n_resamples=10_000, rng=np.random.default_rng(0)).confidence_interval
    found = interval(list(values))
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), rel=1e-9)


@pytest.mark.parametrize("n", [2, 9, 10, 30])
def test_equal_values_have_no_spread(n):
    found = interval([3.0] * n)
    assert (found.mean, found.low, found.high, found.n) == (3.0, 3.0, 3.0, n)


def test_values_that_differ_by_rounding_have_no_spread():
    found = interval([0.011741971015699626] * 19 + [0.011741971015699628])
    assert found.low == pytest.approx(found.high) == pytest.approx(found.mean)


def test_the_mean_of_shares_lies_between_0_and_1():
    rule = ScoreRule(source="", meaning="the share of the steps", unit="share")
    free, share = interval([0.05, 0.1, 0.3]), interval([0.05, 0.1, 0.3], rule)
    assert (free.low < 0, share.low, share.high) == (True, 0.0, free.high)
    assert interval([0.9, 1.0, 1.0], rule).high == 1.0
    assert interval([0.5, 0.5, 1.5], rule) == interval([0.5, 0.5, 1.5]), "what is above 1 is no share"
    speed = rule.model_copy(update={"unit": "m/s"})
    assert interval([0.05, 0.1, 0.3], speed) == free


def test_improvement_counts_pairs_and_halves_ties():
    found = improvement([1.0, 2.0], [1.0, 0.0])
    assert found.mean == pytest.approx((0.5 + 1 + 1 + 1) / 4)
    assert (found.low, found.high, found.n) == (None, None, 4)


def test_improvement_of_what_is_clearly_better_is_one():
    found = improvement([5.0, 6.0, 7.0], [1.0, 2.0, 3.0])
    assert (found.mean, found.low, found.high) == (1.0, 1.0, 1.0)


def test_improvement_is_unsure_of_what_overlaps():
    found = improvement([1.0, 3.0, 5.0], [2.0, 4.0, 0.0])
    assert found.low < 0.5 < found.high
    assert found == improvement([1.0, 3.0, 5.0], [2.0, 4.0, 0.0])


def test_nothing_cannot_improve():
    assert improvement([], [1.0]) is None
    assert improvement([1.0], []) is None


@pytest.mark.parametrize(("score", "expected"), [(1.0, 0.0), (3.0, 1.0), (0.0, 0.0), (99.0, 3.0), (2.0, 0.5)])
def test_human_normalised_as_eureka_defines_it(score, expected):
    assert human_normalised(score, human=3.0, sparse=1.0) == expected


def test_human_normalised_where_the_stock_reward_is_worse_than_the_sparse_one():
    assert human_normalised(3.0, human=1.0, sparse=2.0) == 1.0
    assert human_normalised(3.0, human=1.0, sparse=1.0) is None
