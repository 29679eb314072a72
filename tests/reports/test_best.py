"""What a run reports of its best: mean, interval, n, the search's own maximum, the gap, and how it compares."""

from __future__ import annotations

import pytest
from told_run import SPEC, fold, report, whole

from rewardsmith.domain.events import Attempt, AttemptEnded, Confirmed
from rewardsmith.domain.result import RunResult
from rewardsmith.domain.run import Run
from rewardsmith.search.results import result
from rewardsmith.store.artifacts import RunFolder


def of(run: Run, tmp_path) -> RunResult:
    return result(run, None, RunFolder(tmp_path, SPEC.run))


def sparse(seed: int, value: float) -> AttemptEnded:
    return AttemptEnded(attempt=Attempt(purpose="baseline", subject="sparse", seed=seed), report=report(value, seed))


def test_the_best_carries_what_it_claims_and_how_far_the_search_was_off(tmp_path):
    best = of(fold([*whole(), sparse(100, 1.0), sparse(101, 1.0)]), tmp_path).best
    assert best is not None
    assert best.score is not None
    assert (best.score.mean, best.score.n, best.search_max, best.gap) == (3.5, 2, 3.5, 0.0)
    assert best.improvement["human"].mean == pytest.approx(0.875), "3 beats 2 and ties 3; 4 beats both"
    assert (best.improvement["sparse"].mean, best.improvement["sparse"].n) == (1.0, 4)
    assert best.human_normalised == pytest.approx((3.5 - 1.0) / (2.5 - 1.0))


def test_the_gap_is_what_the_maximum_says_too_much(tmp_path):
    events = [e for e in whole() if not (isinstance(e, AttemptEnded) and e.attempt.purpose == "confirm")]
    confirmed = Attempt(purpose="confirm", subject="g2c00", seed=100)
    assert of(fold(events), tmp_path).best.gap is None, "nothing is confirmed"
    best = of(fold([*events, AttemptEnded(attempt=confirmed, report=report(0.5, 100))]), tmp_path).best
    assert best is not None
    assert best.gap == 3.0


def test_the_maximum_is_the_searchs_even_where_the_comparison_chose_another(tmp_path):
    events = [Confirmed(winner="g1c02", leaders=("g1c02", "g2c00")) if isinstance(e, Confirmed) else e for e in whole()]
    best = of(fold(events), tmp_path).best
    assert best is not None
    assert (best.candidate, best.search_max) == ("g1c02", 3.5), "g1c02 itself had 2.25"


def test_what_was_not_trained_is_not_compared_with(tmp_path):
    best = of(fold(whole()), tmp_path).best
    assert best is not None
    assert set(best.improvement) == {"human"}
    assert best.human_normalised is None


def test_a_score_far_above_the_human_one_is_clipped_as_eureka_clips_it(tmp_path):
    best = of(fold([*whole(), sparse(100, 2.25)]), tmp_path).best
    assert best is not None
    assert best.human_normalised == 3.0, "(3.5 - 2.25) / 0.25 is 5"
