from __future__ import annotations

import pytest

from rewardsmith.domain.result import Interval
from rewardsmith.reports.words import count, dollars, duration, interval, number, score, table


@pytest.mark.parametrize(
    ("value", "text"),
    [(950, "950"), (1000, "1k"), (120_000, "120k"), (3_400_000, "3.4M"), (1_500, "1.5k"), (2e9, "2G")],
)
def test_count(value, text):
    assert count(int(value)) == text


@pytest.mark.parametrize(
    ("value", "text"), [(42.4, "42 s"), (89, "89 s"), (660, "11 min"), (12_000, "3 h 20 min"), (None, "unknown")]
)
def test_duration(value, text):
    assert duration(value) == text


def test_scores_keep_their_sign_and_small_ones_their_digits():
    assert [score(v) for v in (-1.5, 0.0, 0.00123, 12345.6, None)] == ["-1.50", "0.00", "0.00123", "12,346", "–"]
    assert number(1.23456) == "1.235"


def test_interval_of_one_value_has_no_ends():
    assert interval(Interval(mean=1, low=None, high=None, n=1)) == "1.00"
    assert interval(Interval(mean=1, low=0.5, high=1.5, n=5)) == "1.00 [0.5, 1.50]"
    assert interval(None) == "–"


def test_money_below_a_cent_is_not_nothing():
    assert [dollars(v) for v in (0, 0.0012, 1.5, None)] == ["$0.00", "$0.0012", "$1.50", "unknown"]


def test_numbers_stand_to_the_right():
    assert table(["name", "n"], [["a", "5"], ["bcdef", "100"]]).splitlines() == [
        "name     n",
        "-----  ---",
        "a        5",
        "bcdef  100",
    ]
    assert table(["name", "n"], [["a", "5"]], markdown=True).splitlines()[1] == "| ---- | : |".replace(": |", ": |")
