"""Confirm: the leaders on fresh seeds, then the winner alone on further ones."""

from __future__ import annotations

import asyncio

from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.events import Confirmed
from rewardsmith.domain.job import RewardSpec
from rewardsmith.domain.plan import RunSpec
from rewardsmith.domain.recipe import Recipe
from rewardsmith.search.journal import Journal
from rewardsmith.search.ledger import compared
from rewardsmith.search.selection import baseline_seeds, compare_seeds, confirm_seeds, leaders
from rewardsmith.search.slots import Priority
from rewardsmith.search.training import Trainings

FIRST, SEARCH, LAST = 0, 1, 2
"""Priorities of slots: confirmation, then the search by generation and slot, then baselines in what is left."""


def spec_of(candidate: Candidate) -> RewardSpec:
    """What a training of `candidate` pays."""
    assert candidate.source is not None
    assert candidate.reward_id is not None
    return RewardSpec(kind="candidate", reward_id=candidate.reward_id, source=candidate.source)


async def confirm(journal: Journal, spec: RunSpec, recipe: Recipe, trainings: Trainings) -> None:
    """Name the winner and train it on the seeds that alone give the reported mean and interval."""
    run = journal.run
    turns = run.turns()
    lead = [turn.candidate for turn in leaders(turns, compared(spec, recipe))]
    if not lead:
        return
    if len(lead) > 1:
        await asyncio.gather(
            *(
                trainings.report("compare", candidate.id, seed, spec_of(candidate), priority=_first(seed, place))
                for place, candidate in enumerate(lead)
                for seed in compare_seeds(spec)
            )
        )
        lead.sort(key=lambda c: (run.failures("compare", c.id), -_mean(run.scores("compare", c.id))))
    if run.confirmed is None:
        await journal.append(Confirmed(winner=lead[0].id, leaders=tuple(candidate.id for candidate in lead)))
        assert run.confirmed is not None
    winner = run.candidates[run.confirmed.winner]
    await asyncio.gather(
        *(
            trainings.report("confirm", winner.id, seed, spec_of(winner), priority=_first(seed, 0))
            for seed in confirm_seeds(spec)
        )
    )


def _first(seed: int, place: int) -> Priority:
    return lambda: (FIRST, seed, place)


def _mean(scores: list[float]) -> float:
    return sum(scores) / len(scores) if scores else float("-inf")


async def train_baselines(spec: RunSpec, trainings: Trainings) -> None:
    """Train what any reward should beat, in slots that the search leaves free."""
    names = [name for name in spec.baselines if name != "human" or spec.task.environment.stock_reward]
    await asyncio.gather(
        *(
            trainings.report("baseline", name, seed, RewardSpec(kind=name, reward_id=name), priority=lambda: (LAST,))
            for seed in baseline_seeds(spec)
            for name in names
        )
    )
