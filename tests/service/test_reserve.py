"""How much one run may take, and what of it counts for the day of its key."""

from __future__ import annotations

import pytest

from rewardsmith.domain.key import Caller, KeyLimits, Reserve, RunLimits
from rewardsmith.domain.plan import Plan, StopSpec
from rewardsmith.errors import UsageError
from rewardsmith.service.sizes import check_size, reserve_of

FREE = Caller(name="ann", scope="submit")
LIMITED = Caller(name="ann", scope="submit", limits=KeyLimits(dollars_per_day=5))


def plan(dollars: float | None) -> Plan:
    return Plan(trainings=10, steps=1, completions=1, wall_s=None, dollars=dollars)


@pytest.mark.parametrize(
    ("stop", "dollars", "counted"),
    [
        (StopSpec(), 0.0, Reserve(trainings=10)),
        (StopSpec(trainings=3), 0.0, Reserve(trainings=3)),
        (StopSpec(trainings=30), 0.0, Reserve(trainings=10)),
        (StopSpec(dollars=4), 0.0, Reserve(trainings=10)),
        (StopSpec(dollars=4), 2.0, Reserve(trainings=10, dollars=4)),
        (StopSpec(dollars=0), 2.0, Reserve(trainings=10)),
        (StopSpec(dollars=4), None, Reserve(trainings=10, dollars=4)),
    ],
)
def test_a_run_counts_with_what_it_may_take(stop, dollars, counted):
    assert reserve_of(stop, plan(dollars), LIMITED) == counted


@pytest.mark.parametrize("dollars", [2.0, None])
def test_a_limit_in_dollars_wants_a_certain_sum(dollars):
    with pytest.raises(UsageError, match="limited in dollars") as caught:
        reserve_of(StopSpec(), plan(dollars), LIMITED)
    assert "stop.dollars" in caught.value.hint
    assert reserve_of(StopSpec(), plan(dollars), FREE).dollars == (dollars or 0)


@pytest.mark.parametrize(
    ("most", "limits", "stop", "words"),
    [
        (RunLimits(trainings=9), KeyLimits(), StopSpec(), "may take 10 trainings, and one run here may take 9"),
        (RunLimits(steps=1), KeyLimits(), StopSpec(trainings=9), "may take 1,000 steps, and one run here may take 1"),
        (RunLimits(), KeyLimits(steps_per_run=999), StopSpec(steps=1001), "one run here may take 999"),
        (RunLimits(trainings=20), KeyLimits(trainings_per_run=5), StopSpec(), "one run here may take 5"),
    ],
)
def test_one_run_is_no_larger_than_it_may_be(most, limits, stop, words):
    asks = Plan(trainings=10, steps=1000, completions=1, wall_s=None, dollars=0.0)
    with pytest.raises(UsageError, match=words) as caught:
        check_size(stop, asks, Caller(name="ann", scope="submit", limits=limits), most)
    assert "stop." in caught.value.hint
    wide = KeyLimits(trainings_per_run=10, steps_per_run=1000)
    check_size(stop, asks, Caller(name="ann", scope="submit", limits=wide), most)
    check_size(StopSpec(trainings=5, steps=999), asks, Caller(name="ann", scope="submit", limits=limits), RunLimits())
