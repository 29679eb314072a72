"""Slots that are filled without a model: the components of two parents, mixed by coins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.prompt import Turn
from rewardsmith.reward.crossing import CrossingRefused, components, cross
from rewardsmith.search.parentage import Parentage
from rewardsmith.search.placing import Placing
from rewardsmith.search.writing import Ready


@dataclass(frozen=True)
class Mating:
    """Crosses candidates of one run."""

    placing: Placing

    async def generation(self, generation: int, parentage: Parentage, ready: Ready) -> None:
        """Fill the slots that are crossed, as far as their parents can be; the others are left to the model.

        They are filled before the model's answers are screened, so that which of two equal rewards is called the
        duplicate does not depend on when the process was killed.
        """
        for slot in parentage.crossed:
            if not self.placing.present(generation, slot):
                candidate = await self._child(generation, slot, parentage)
                if candidate:
                    ready(candidate)

    async def _child(self, generation: int, slot: int, parentage: Parentage) -> Candidate | None:
        """The first child of the slot's pairs that passes every gate and repeats nothing."""
        coin = parentage.coin(slot)
        for one, other in parentage.pairs(slot):
            source = mixed(one, other, coin)
            if source is None:
                continue
            parents = (one.candidate.id, other.candidate.id)
            verdict = await self.placing.verdict(generation, slot, partial(str, source))
            if verdict.passed:
                judgement = await self.placing.judgement(generation, verdict)
                note = f"Crossed from components of {parents[0]} and {parents[1]}, without a model.\n"
                return await self.placing.place(generation, slot, "crossed", parents, verdict, judgement, answer=note)
        return None


def mixed(one: Turn, other: Turn, coin: np.random.Generator) -> str | None:
    """A reward with components of both, at least one of each; None where that cannot be.

    Every component is taken or left by a coin (uniform crossover: Syswerda, 1989); of two with the same name one is.
    """
    if one.candidate.source is None or other.candidate.source is None:
        return None
    try:
        mine, theirs = components(one.candidate.source), components(other.candidate.source)
        first = {name for name in mine if coin.random() < 0.5} or {_one_of(mine, coin)}
        left = [name for name in theirs if name not in first]
        second = {name for name in left if name in mine or coin.random() < 0.5} or {_one_of(left, coin)}
        return cross(one.candidate.source, other.candidate.source, first=first, second=second) if left else None
    except CrossingRefused:
        return None


def _one_of(names: Sequence[str], coin: np.random.Generator) -> str:
    return names[int(coin.integers(len(names)))] if names else ""
