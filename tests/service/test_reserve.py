"""What a run counts for the day of its key."""

from __future__ import annotations

import pytest

from rewardsmith.domain.key import Caller, KeyLimits, Reserve
from rewardsmith.domain.plan import Plan, StopSpec
from rewardsmith.errors import UsageError
from rewardsmith.service.desk import _reserve

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
    assert _reserve(stop, plan(dollars), LIMITED) == counted


@pytest.mark.parametrize("dollars", [2.0, None])
def test_a_limit_in_dollars_wants_a_certain_sum(dollars):
    with pytest.raises(UsageError, match="limited in dollars") as caught:
        _reserve(StopSpec(), plan(dollars), LIMITED)
    assert "stop.dollars" in caught.value.hint
    assert _reserve(StopSpec(), plan(dollars), FREE).dollars == (dollars or 0)
