"""Limits are never passed: what is under way, and what the confirmation will take, counts before it is spent."""

from __future__ import annotations

import pytest

from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.events import Attempt, AttemptEnded, AttemptStarted, Screened
from rewardsmith.domain.plan import StopSpec
from rewardsmith.domain.recipe import ConfirmStage
from rewardsmith.search.ledger import Ledger, compared, most_training_steps


@pytest.fixture
def books(story, smith):
    def open_books(**stop):
        told = story(stop=StopSpec(**stop))
        budget = told.spec.budget.model_copy(update={"leaders": 2, "compare_seeds": 1, "confirm_seeds": 2})
        spec = told.spec.model_copy(update={"budget": budget})
        told.run.spec = spec
        return told, Ledger(spec, smith.model_copy(update={"confirm": ConfirmStage()}))

    return open_books


def started(told, purpose, subject, seed=0):
    told.tell(AttemptStarted(attempt=Attempt(purpose=purpose, subject=subject, seed=seed)))


def test_without_limits_everything_may_start(books):
    told, ledger = books()
    assert ledger.refusal(told.run, "search") is None


def test_the_first_training_needs_room_for_its_confirmation(books):
    """One candidate is compared with nobody: itself and two seeds of the confirmation."""
    assert books(trainings=2)[1].reason(books(trainings=2)[0].run) is not None
    told, ledger = books(trainings=3)
    assert ledger.reason(told.run) is None


def test_what_is_under_way_counts(books):
    """Four candidates: two are compared on a fresh seed, and one is confirmed on two more: 4 + 2 + 2."""
    told, ledger = books(trainings=8)
    for name in ("g1c00", "g1c01", "g1c02", "g1c03"):
        assert ledger.refusal(told.run, "search") is None
        started(told, "search", name)
    assert "4 trainings begun and 4 kept" in ledger.refusal(told.run, "search")


def test_a_comparison_that_takes_more_than_a_quarter_of_what_is_allowed_is_left_out(books):
    told, _ = books()
    for limits, leaders in (
        ({}, 2),
        ({"trainings": 8}, 2),
        ({"trainings": 7}, 1),
        ({"steps": 8 * most_training_steps(told.spec, "compare")}, 2),
        ({"steps": 8 * most_training_steps(told.spec, "compare") - 1}, 1),
    ):
        told, ledger = books(**limits)
        assert compared(told.run.spec, ledger._recipe) == leaders


def test_what_was_claimed_a_moment_ago_counts(books):
    told, ledger = books(trainings=8)
    for name in ("g1c00", "g1c01", "g1c02", "g1c03"):
        assert ledger.claim(told.run, ("search", name, 0)) is None
    assert ledger.claim(told.run, ("search", "g1c04", 0)) is not None
    assert ledger.claim(told.run, ("search", "g1c05", 0)) is not None, "a refusal is not charged"


def test_a_training_that_was_lost_is_charged_once(books):
    told, ledger = books(trainings=6)
    assert ledger.claim(told.run, ("search", "g1c00", 0)) is None
    started(told, "search", "g1c00")
    told.tell(AttemptEnded(attempt=Attempt(purpose="search", subject="g1c00", seed=0), report=None, lost="killed"))
    assert ledger.refusal(told.run, "search") is None
    assert "1 trainings begun" not in (ledger.refusal(told.run, "search") or "")


def test_the_confirmation_may_use_what_was_kept_for_it(books):
    told, ledger = books(trainings=8)
    for slot in range(4):
        told.candidate(1, slot, 1.0 + slot)
    assert ledger.refusal(told.run, "search") is not None
    assert ledger.refusal(told.run, "baseline") is not None
    for purpose, subject, seed in [("compare", "g1c02", 1), ("compare", "g1c03", 1), ("confirm", "g1c03", 2)]:
        assert ledger.claim(told.run, (purpose, subject, seed)) is None
        told.trained(purpose, subject, seed, 1.0)
    assert ledger.claim(told.run, ("confirm", "g1c03", 3)) is None
    assert ledger.claim(told.run, ("confirm", "g1c03", 4)) is not None


def test_steps_are_charged_at_the_most_until_the_report_is_there(books):
    told, _ = books()
    most = most_training_steps(told.spec, "search")
    kept = 2 * most_training_steps(told.spec, "compare") + 2 * most_training_steps(told.spec, "confirm")
    told, ledger = books(steps=105 + kept + 5 * most)
    told.candidate(1, 0, 1.0)
    for name in ("g1c01", "g1c02", "g1c03", "g1c04", "g1c05"):
        assert ledger.refusal(told.run, "search") is None
        started(told, "search", name)
    assert "environment steps begun" in ledger.refusal(told.run, "search")


def test_the_most_that_a_training_takes_is_in_whole_rollouts(books):
    told, _ = books()
    trainer, budget, horizon = told.spec.task.trainer, told.spec.budget, told.spec.task.environment.horizon
    rollout = trainer.settings["n_steps"] * trainer.environments
    steps = most_training_steps(told.spec, "search") - budget.rungs * budget.episodes * horizon
    assert steps % rollout == 0
    assert 0 <= steps - budget.steps < rollout
    extra = most_training_steps(told.spec, "confirm") - most_training_steps(told.spec, "search")
    assert extra == budget.episodes * horizon


def pause(told, subject, report):
    """A training that pauses at its first rung; its report tells of 100 steps and 5 of scoring."""
    attempt = Attempt(purpose="search", subject=subject, seed=told.spec.seed, until=1)
    candidate = Candidate(generation=1, slot=int(subject[-2:]), origin="proposed", source="...", reward_id="r")
    told.tell(Screened(candidate=candidate), AttemptStarted(attempt=attempt))
    told.tell(AttemptEnded(attempt=attempt, report=report))


def test_a_training_that_pauses_is_charged_until_its_pause(books, make_report):
    told, _ = books()
    first = most_training_steps(told.spec, "search", 1)
    whole = most_training_steps(told.spec, "search")
    assert first < whole
    told, ledger = books(steps=2 * most_training_steps(told.spec, "confirm") + first + 105)
    assert ledger.claim(told.run, ("search", "g1c00", told.spec.seed), 1) is None
    pause(told, "g1c00", make_report(told.spec.seed, 1.0))
    assert told.run.usage().steps == 105
    assert ledger.claim(told.run, ("search", "g1c01", told.spec.seed), None) is not None
    assert ledger.claim(told.run, ("search", "g1c01", told.spec.seed), 1) is None


def test_a_training_that_goes_on_is_charged_for_what_is_left_of_it_and_is_no_further_training(books, make_report):
    told, ledger = books(trainings=3)
    assert ledger.claim(told.run, ("search", "g1c00", told.spec.seed), 1) is None
    pause(told, "g1c00", make_report(told.spec.seed, 1.0))
    assert ledger.claim(told.run, ("search", "g1c00", told.spec.seed), None) is None
    assert ledger.claim(told.run, ("search", "g1c01", told.spec.seed), 1) is not None
    most = most_training_steps(told.spec, "search") + 2 * most_training_steps(told.spec, "confirm")
    told, ledger = books(steps=most)
    pause(told, "g1c00", make_report(told.spec.seed, 1.0))
    assert ledger.claim(told.run, ("search", "g1c00", told.spec.seed), None) is None
    told, ledger = books(steps=most - 1)
    pause(told, "g1c00", make_report(told.spec.seed, 1.0))
    assert ledger.claim(told.run, ("search", "g1c00", told.spec.seed), None) is not None


def test_wall_time_is_kept_for_what_is_begun_and_for_the_confirmation(books, story):
    """The story's trainings take 1 s for 105 steps; one worker."""
    most, confirming = (most_training_steps(story().spec, purpose) for purpose in ("search", "confirm"))
    ahead = (3 * most + 2 * confirming) / 105
    for wall, may in ((ahead + 10, True), (ahead - 10, False)):
        told, ledger = books(wall_s=wall)
        told.candidate(1, 0, 1.0)
        reason = ledger.refusal(told.run, "search")
        assert (reason is None) is may
        assert may or "a further training and the confirmation take about" in reason
    assert ledger.refusal(told.run, "confirm") is None
