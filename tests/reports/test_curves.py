"""The best so far over the steps of a search."""

from __future__ import annotations

from told_run import fold, raced, whole

from rewardsmith.domain.events import AttemptEnded
from rewardsmith.reports.curves import climb, spent_by_search


def test_a_paused_training_leads_until_one_was_trained_to_its_end():
    events = raced()
    pause = next(i for i, event in enumerate(events) if isinstance(event, AttemptEnded))
    (first,) = climb(fold(events[: pause + 1]))
    assert (first.candidate.id, first.score, first.stopped, first.leads) == ("g1c00", 1.5, True, True)
    assert spent_by_search(fold(events[: pause + 1])) == first.spent == 600
    ends = climb(fold(events))
    assert [(end.candidate.id, end.leads) for end in ends] == [("g1c00", True), ("g1c02", True), ("g2c00", True)]


def test_what_scores_less_does_not_lead():
    events = whole()
    ends = climb(fold(events))
    assert [end.spent for end in ends] == [1100, 2200, 3300]
    lower = [e for e in events if not (isinstance(e, AttemptEnded) and e.attempt.subject == "g1c02")]
    assert [end.leads for end in climb(fold(lower))] == [True, True]
    assert all(end.over.mean == end.score for end in ends)
