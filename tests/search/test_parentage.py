"""Who is parent of which slot, and that it depends on history and seed alone."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from rewardsmith.errors import UnknownName
from rewardsmith.search.composing import Composing
from rewardsmith.search.parentage import Parentage, restarted
from rewardsmith.search.policies.policy import POLICIES, policy_of
from rewardsmith.search.policies.weighted import weights


@pytest.fixture
def recipe(smith):
    def change(**stage):
        return smith.model_copy(update={"parents": smith.parents.model_copy(update=stage)})

    return change


def ids(turns):
    return [turn.candidate.id for turn in turns]


def parents(recipe, told, generation, *, k=4, seed=0):
    """Ids of the parents of every slot."""
    parentage = Parentage(recipe, told.run.turns(), generation, seed=seed, k=k)
    return [tuple(ids(parentage.of(slot))) for slot in range(k)]


def history(story, *scores):
    """A run with one generation per row of scores."""
    told = story()
    for generation, row in enumerate(scores, 1):
        for slot, score in enumerate(row):
            told.candidate(generation, slot, score)
    return told


def test_overall_best_stays_parent_when_the_last_generation_is_worse(story, recipe):
    told = history(story, [5.0], [1.0])
    assert parents(recipe(policy="overall_best"), told, 3) == [("g1c00",)] * 4
    assert parents(recipe(policy="generation_best"), told, 3) == [("g2c00",)] * 4


def test_a_generation_in_which_all_failed_hands_the_earlier_parent_on(story, recipe):
    assert parents(recipe(policy="generation_best"), history(story, [5.0], [None]), 3) == [("g1c00",)] * 4


@pytest.mark.parametrize("policy", POLICIES)
def test_the_first_generation_has_no_parents_and_failures_never_become_any(story, recipe, policy):
    assert parents(recipe(policy=policy, pairs=1.0, crossed=0.5), story(), 1) == [()] * 4
    assert parents(recipe(policy=policy), history(story, [None, 1.0, None]), 2) == [("g1c01",)] * 4


def test_the_best_few_share_a_generation(story, recipe):
    told = history(story, [1.0, 4.0, 3.0, 2.0])
    expected = [("g1c01",), ("g1c02",), ("g1c01",), ("g1c02",), ("g1c01",)]
    assert parents(recipe(policy="top", top=2), told, 2, k=5) == expected


def test_weights_follow_the_published_rule(story):
    """Sigmoid of 10 deviations from the median, over 1 + children."""
    turns = history(story, [1.0, 2.0, 3.0]).run.turns()
    plain = 1 / (1 + np.exp(-10.0 * np.array([-1.0, 0.0, 1.0])))
    assert np.allclose(weights(turns, {}), plain / plain.sum())
    fewer = plain / [1, 1, 4]
    assert np.allclose(weights(turns, {"g1c02": 3}), fewer / fewer.sum())


def test_weights_do_not_depend_on_the_scale_of_scores(story):
    small, large = (history(story, [a * 1.0, a * 2.0, a * 5.0]).run.turns() for a in (1e-6, 1e6))
    assert np.allclose(weights(small, {}), weights(large, {}))


def test_without_a_deviation_all_weigh_alike(story):
    assert np.allclose(weights(history(story, [1.0, 1.0, 1.0, 9.0]).run.turns(), {}), 0.25)
    assert np.allclose(weights(history(story, [1.0]).run.turns(), {}), 1.0)


def test_weighted_slots_get_parents_of_their_own_the_same_every_time(story, recipe):
    told = history(story, [1.0, 1.1, 1.2, 1.3, 0.9, 1.0])
    drawn = parents(recipe(policy="weighted"), told, 2, k=12)
    assert len(set(drawn)) > 2
    assert parents(recipe(policy="weighted"), told, 2, k=12) == drawn
    assert parents(recipe(policy="weighted"), told, 2, k=12, seed=1) != drawn


def test_what_happens_in_a_generation_does_not_change_its_parents(story, recipe):
    """A run that was killed in the middle of generation 2 asks with the same parents when it is resumed."""
    told = history(story, [1.0, 1.1, 1.2, 1.3])
    composing = Composing(SimpleNamespace(run=told.run), told.spec, recipe(policy="weighted", pairs=0.5), None, None)

    def drawn():
        return [ids(composing.parentage(2).of(slot)) for slot in range(told.spec.k)]

    before = drawn()
    told.candidate(2, 0, 9.0)
    assert drawn() == before


def test_a_share_of_the_slots_gets_two_parents_of_different_scores(story, recipe):
    told = history(story, [1.0, 2.0, 2.0])
    drawn = parents(recipe(policy="overall_best", pairs=0.5), told, 2)
    assert drawn == [("g1c01",), ("g1c01",), ("g1c01", "g1c00"), ("g1c01", "g1c00")]


def test_small_shares_add_up_over_generations(story, recipe):
    told = history(story, *[[1.0, 2.0]] * 10)
    stage = recipe(policy="overall_best", crossed=0.1)
    counts = [len(Parentage(stage, told.run.turns(), g, seed=0, k=4).crossed) for g in range(1, 12)]
    assert counts[0] == 0
    assert sum(counts) == 4


def test_crossed_slots_come_last_and_those_with_two_parents_before_them(story, recipe):
    told = history(story, [1.0, 2.0, 3.0])
    parentage = Parentage(recipe(policy="overall_best", crossed=0.25, pairs=0.25), told.run.turns(), 2, seed=0, k=4)
    assert parentage.crossed == (3,)
    assert [len(parentage.of(slot)) for slot in range(4)] == [1, 1, 2, 1]
    assert [(a.candidate.id, b.candidate.id) for a, b in parentage.pairs(3)] == [("g1c02", "g1c01"), ("g1c02", "g1c00")]


def test_a_fresh_start_follows_generations_without_improvement(story):
    told = history(story, [1.0], [3.0], [2.0], [2.0], [2.0], [2.0])
    assert [restarted(told.run.turns(), g, 2) for g in range(1, 8)] == [1, 1, 1, 1, 5, 5, 7]
    assert [restarted(told.run.turns(), g, None) for g in range(1, 8)] == [1] * 7


def test_after_a_fresh_start_only_the_best_and_what_came_since_can_be_parents(story, recipe):
    told = history(story, [1.0], [3.0, 2.9], [2.0], [2.5])
    stage = recipe(policy="top", top=3, restart_after=2)
    assert parents(stage, told, 5, k=2) == [("g2c00",), ("g2c00",)]
    told.candidate(5, 0, 0.1)
    assert parents(stage, told, 6, k=2) == [("g2c00",), ("g5c00",)]
    assert parents(recipe(policy="top"), told, 6, k=2) == [("g2c00",), ("g2c01",)]


def test_an_unknown_policy_is_named_with_near_misses(recipe):
    with pytest.raises(UnknownName, match=r"unknown policy 'wieghted' in recipe smith.*did you mean 'weighted'"):
        policy_of(recipe(policy="wieghted"))


def test_who_was_passed_over_is_no_parent_any_more_even_as_the_best(story, smith):
    told = story()
    best, second, third = (told.candidate(1, slot, score) for slot, score in enumerate((3.0, 2.0, 1.0)))
    twin = told.candidate(2, 0, None, twin=best.id)
    turns = told.run.turns()

    def parent(recipe, generation=3):
        found = Parentage(recipe, turns, generation, seed=0, k=1, passed_over={best.id}).of(0)
        return found[0].candidate.id

    assert parent(smith) == second.id
    for policy in ("generation_best", "top"):
        stage = smith.parents.model_copy(update={"policy": policy})
        assert parent(smith.model_copy(update={"parents": stage})) == second.id
    stage = smith.parents.model_copy(update={"policy": "weighted"})
    drawn = {
        Parentage(smith.model_copy(update={"parents": stage}), turns, 3, seed=seed, k=1, passed_over={best.id})
        .of(0)[0]
        .candidate.id
        for seed in range(20)
    }
    assert drawn <= {second.id, third.id}
    assert twin.id not in drawn
    fresh = smith.parents.model_copy(update={"restart_after": 1})
    assert parent(smith.model_copy(update={"parents": fresh})) == second.id


def test_a_search_that_begins_anew_knows_nothing_but_a_persons_reward(story, smith):
    told = story()
    told.candidate(1, 0, 3.0)
    told.candidate(2, 0, 1.0)
    turns = told.run.turns()

    def of(generation, turns, **said):
        return Parentage(smith, turns, generation, seed=0, k=1, **said)

    anew = of(3, turns, anew=3)
    assert (anew.of(0), anew.since) == ((), 3)
    told.candidate(3, 0, 0.5)
    assert of(4, told.run.turns(), anew=3).of(0)[0].candidate.id == "g3c00", "not the best of all"
    ours = (turns[0].model_copy(update={"candidate": turns[0].candidate.model_copy(update={"origin": "human"})}),)
    assert of(3, ours + turns[1:], anew=3).of(0)[0].candidate.id == "g1c00"
