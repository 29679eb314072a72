"""Parameters of the best structures are tuned on the score, and a resumed run goes on with the same values."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.events import Attempt, AttemptEnded, Raced, Screened
from rewardsmith.domain.recipe import TuneStage
from rewardsmith.prompting.tuning import tuned
from rewardsmith.reward.ranges import Range, ranges
from rewardsmith.reward.source import analyse
from rewardsmith.search.planning import plan
from rewardsmith.search.tuning import Tuning, suggest

SOURCE = "def compute_reward(v, *, a=2.0, b=-0.5, c=0):\n    return a * v + b + c, {'v': v}\n"
PLAIN = "def compute_reward(v):\n    return v, {'v': v}\n"


@pytest.fixture
def run(story, smith, make_report):
    """A run whose structures and trials are told one by one."""
    told = story(k=2)

    def candidate(name, score, *, of=None, source=SOURCE, paused=False, **parameters):
        generation, slot = int(name[1]), int(name[3:])
        given = {**analyse(source, {"v"}).parameters, **parameters}
        told.tell(
            Screened(
                candidate=Candidate(
                    generation=generation,
                    slot=slot,
                    origin="tuned" if of else "proposed",
                    parents=(of,) if of else (),
                    source=source,
                    reward_id=name,
                    parameters=given,
                )
            )
        )
        if score is not None:
            attempt = Attempt(purpose="search", subject=name, seed=told.spec.seed, until=1 if paused else None)
            told.tell(AttemptEnded(attempt=attempt, report=make_report(told.spec.seed, score)))

    told.trial = candidate
    return told


def turn(run, name):
    return next(turn for turn in run.run.turns() if turn.candidate.id == name)


def tuning(run, smith, *, trials=4, structures=1):
    recipe = smith.model_copy(update={"tune": TuneStage(trials=trials, structures=structures)})
    return Tuning(run.spec, recipe, SimpleNamespace(run=run.run), None, None)


def test_ranges_are_a_tenth_to_ten_times_the_value_with_its_sign():
    found = ranges(SOURCE)
    assert found == {"a": Range(0.2, 20.0), "b": Range(-5.0, -0.05), "c": Range(-1.0, 1.0)}
    assert [found[name].sign for name in "abc"] == [1, -1, 0]


def test_the_authors_own_ranges_count_where_they_hold_the_value():
    source = (
        "def compute_reward(v, *, a: (1, 3) = 2.0, b: (1, 3) = 5.0, c: float = 1.0):\n    return a * v, {'v': b * v}"
    )
    assert analyse(source, {"v"}).parameters == {"a": 2.0, "b": 5.0, "c": 1.0}
    assert ranges(source) == {"a": Range(1, 3), "b": Range(0.5, 50.0), "c": Range(0.1, 10.0)}


def test_the_ends_of_a_range_are_told_by_magnitude():
    assert [Range(0.1, 10.0).end(value) for value in (0.11, 1.0, 9.0)] == ["lower", None, "upper"]
    assert [Range(-10.0, -0.1).end(value) for value in (-0.11, -1.0, -9.0)] == ["lower", None, "upper"]
    assert [Range(-1.0, 1.0).end(value) for value in (-0.95, 0.0, 0.95)] == ["lower", None, "upper"]


def test_values_stay_in_their_ranges_with_three_digits(run):
    run.trial("g1c00", 1.0)
    for seed in range(20):
        values = suggest(ranges(SOURCE), turn(run, "g1c00"), (), (), seed)
        assert 0.2 <= values["a"] <= 20.0
        assert -5.0 <= values["b"] <= -0.05
        assert -1.0 <= values["c"] <= 1.0
        assert all(float(f"{value:.3g}") == value for value in values.values())


def test_values_are_drawn_where_scores_were_high(run):
    """Scores rise with `a`: what is tried next lies above the author's 2 more often than not."""
    run.trial("g1c00", 1.0)
    for slot, a in enumerate((0.3, 0.6, 1.0, 6.0, 9.0, 12.0), 2):
        run.trial(f"g1c{slot:02}", a, of="g1c00", a=a)
    trials = [t for t in run.run.turns() if t.candidate.origin == "tuned"]
    drawn = [suggest(ranges(SOURCE), turn(run, "g1c00"), trials, (), seed)["a"] for seed in range(12)]
    assert sum(value > 2.0 for value in drawn) >= 10


def test_the_same_history_and_seed_draw_the_same_values(run):
    run.trial("g1c00", 1.0)
    run.trial("g1c02", 2.0, of="g1c00", a=5.0)
    trials = [turn(run, "g1c02")]

    def drawn(seed, blind=()):
        return suggest(ranges(SOURCE), turn(run, "g1c00"), trials, blind, seed)

    assert drawn(1) == drawn(1) != drawn(2)


def test_how_a_trial_of_the_same_round_fares_changes_nothing(run):
    """Else a run that was killed in the middle of a round would end differently."""
    run.trial("g1c00", 1.0)
    run.trial("g1c02", None, of="g1c00", a=5.0)
    before = suggest(ranges(SOURCE), turn(run, "g1c00"), [turn(run, "g1c02")], ("g1c02",), 7)
    run.trial("g1c02", 50.0, of="g1c00", a=5.0)
    known = ranges(SOURCE), turn(run, "g1c00"), [turn(run, "g1c02")]
    assert suggest(*known, ("g1c02",), 7) == before
    assert suggest(*known, (), 7) != before


def test_what_was_stopped_or_failed_can_be_told(run, make_report):
    run.trial("g1c00", 1.0)
    run.trial("g1c02", 0.5, of="g1c00", a=9.0, paused=True)
    run.tell(Raced(candidate="g1c02", rung=1, goes_on=False, chance=0.0))
    run.trial("g1c03", None, of="g1c00", a=3.0)
    attempt = Attempt(purpose="search", subject="g1c03", seed=run.spec.seed)
    run.tell(AttemptEnded(attempt=attempt, report=make_report(0, None)))
    trials = [turn(run, "g1c02"), turn(run, "g1c03")]
    assert [t.stopped for t in trials] == [True, False]
    assert suggest(ranges(SOURCE), turn(run, "g1c00"), trials, (), 0)


def test_the_best_structures_with_parameters_are_tuned(run, smith):
    run.trial("g1c00", 3.0, source=PLAIN)
    run.trial("g1c01", 2.0)
    run.trial("g2c00", 1.0)
    assert [t.candidate.id for t in tuning(run, smith, structures=3).structures(3)] == ["g1c01", "g2c00"]
    assert tuning(run, smith, structures=1).structures(3) == [], "the best has nothing to tune"


def test_a_structure_stands_by_the_best_of_its_children(run, smith):
    run.trial("g1c00", 1.0)
    run.trial("g1c01", 2.0)
    run.trial("g1c02", 5.0, of="g1c00", a=9.0)
    assert [t.candidate.id for t in tuning(run, smith).structures(2)] == ["g1c00"]
    assert [t.candidate.id for t in tuning(run, smith).structures(1)] == ["g1c01"], "its own trials do not count"


def test_trials_are_in_the_plan(story, smith, make_report):
    told, survey = story(), SimpleNamespace(steps_per_second=1000.0)
    more = smith.model_copy(update={"tune": TuneStage(trials=3)})
    one, other = (plan(told.spec, recipe, survey, dollars_per_call=None) for recipe in (smith, more))
    assert other.trainings - one.trainings == told.spec.iterations * 3
    assert other.completions == one.completions
    assert other.steps > one.steps


def test_what_was_gained_and_which_ends_were_reached_is_told(run):
    run.trial("g1c00", 1.0)
    run.trial("g1c02", 0.5, of="g1c00", a=3.0)
    assert "none of 1 other set of values scored higher than 1" in tuned(run.run.turns(), "g1c00").sentence
    run.trial("g1c03", 4.0, of="g1c00", a=0.21, b=-4.9)
    found = tuned(run.run.turns(), "g1c00")
    assert (found.best, found.trials, found.before, found.after) == ("g1c03", 2, 1.0, 4.0)
    assert "from 1 to 4, with a 2 to 0.21, b -0.5 to -4.9, c 0 to 0" in found.sentence
    assert "`a` ended at the lower end of its range (0.21); if it is a weight, its component may" in found.sentence
    assert "`b` ended at the upper end of its range (-4.9)." in found.sentence
    assert tuned(run.run.turns(), "g1c01") is None
