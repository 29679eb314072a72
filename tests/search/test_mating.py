"""Slots that are filled by crossing two parents, without a model."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import numpy as np
import pytest

from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.prompt import Turn
from rewardsmith.domain.report import Failure
from rewardsmith.reward.crossing import components
from rewardsmith.screening.screen import Verdict
from rewardsmith.search.mating import Mating, mixed


def turn(name, *terms, body=""):
    lines = [f"    {term} = v * {place + 2}.0" for place, term in enumerate(terms)]
    listed = ", ".join(f"'{term}': {term}" for term in terms)
    total = body or " + ".join(terms)
    source = "\n".join(["def compute_reward(v):", *lines, f"    return {total}, {{{listed}}}\n"])
    return Turn(candidate=Candidate(generation=1, slot=int(name), origin="proposed", source=source))


ONE, OTHER = turn("0", "a", "b", "c"), turn("1", "c", "d", "e")


def test_a_child_has_components_of_both_and_none_twice():
    seen = set()
    for seed in range(40):
        found = components(mixed(ONE, OTHER, np.random.default_rng(seed)))
        assert {"a", "b", "c"} & set(found)
        assert {"c", "d", "e"} & set(found)
        assert len(found) == len(set(found))
        seen.add(frozenset(found))
    assert len(seen) > 8


def test_the_same_coin_gives_the_same_child():
    assert mixed(ONE, OTHER, np.random.default_rng(3)) == mixed(ONE, OTHER, np.random.default_rng(3))


def test_parents_that_share_all_components_give_a_child_with_some_of_each():
    one, other = turn("0", "a", "b"), turn("1", "b", "a")
    for seed in range(10):
        child = mixed(one, other, np.random.default_rng(seed))
        assert child is None or set(components(child)) <= {"a", "b"}


def test_a_parent_that_cannot_be_taken_apart_gives_no_child():
    assert mixed(turn("0", "a", "b", body="a * b"), OTHER, np.random.default_rng(0)) is None


class Gates:
    """Takes the place of screen and store: what passes is decided by `refuses`."""

    def __init__(self, refuses=0):
        self.refuses, self.placed, self.asked = refuses, [], 0

    def present(self, generation, slot):
        return (generation, slot) in [(c[0], c[1]) for c in self.placed]

    async def verdict(self, generation, slot, find):
        self.asked += 1
        if self.asked <= self.refuses:
            return Verdict(source=find(), failure=Failure(gate="probe", kind="constant", message="m"))
        return Verdict(source=find())

    async def judgement(self, generation, verdict):
        return None

    async def place(self, *given, answer):
        self.placed.append(given)
        return given[:2]


@pytest.fixture
def parentage():
    return SimpleNamespace(
        crossed=(2, 3),
        coin=lambda slot: np.random.default_rng(slot),
        pairs=lambda slot: iter([(ONE, OTHER), (OTHER, ONE)]),
    )


def fill(gates, parentage):
    ready = []
    asyncio.run(Mating(gates).generation(5, parentage, ready.append))
    return ready


def test_crossed_slots_are_filled_and_name_both_parents(parentage):
    gates = Gates()
    assert fill(gates, parentage) == [(5, 2), (5, 3)]
    assert [(origin, parents) for _, _, origin, parents, *_ in gates.placed] == [("crossed", ("g1c00", "g1c01"))] * 2


def test_a_child_that_fails_a_gate_gives_way_to_one_of_the_next_pair(parentage):
    gates = Gates(refuses=1)
    fill(gates, parentage)
    assert [parents for _, _, _, parents, *_ in gates.placed] == [("g1c01", "g1c00"), ("g1c00", "g1c01")]


def test_a_slot_whose_pairs_all_fail_is_left_to_the_model(parentage):
    gates = Gates(refuses=2)
    assert fill(gates, parentage) == [(5, 3)]


def test_what_is_there_is_not_crossed_again(parentage):
    gates = Gates()
    fill(gates, parentage)
    assert fill(gates, parentage) == []
    assert gates.asked == 2
