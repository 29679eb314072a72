"""Who is parent of which slot: a function of history and seed, so that a resumed run gives every slot the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from rewardsmith.domain.prompt import Turn, champions
from rewardsmith.domain.recipe import Recipe
from rewardsmith.search.policies.policy import Place, policy_of
from rewardsmith.search.selection import best

MOST_MATES = 4
"""Mates that a parent is tried with before a slot goes to the model."""


class Parentage:
    """The parents of one generation's slots.

    Args:
        recipe: Policy and shares.
        turns: Every earlier candidate, in order of generation and slot.
        generation: The generation that is to be written.
        seed: Seed of the run.
        k: Its slots.
        passed_over: Candidates that somebody who watched has passed over: they become no parents any more.
        anew: Generation in which the search last began anew: nothing earlier is known, but for a person's reward.
    """

    def __init__(
        self,
        recipe: Recipe,
        turns: Sequence[Turn],
        generation: int,
        *,
        seed: int,
        k: int,
        passed_over: Collection[str] = (),
        anew: int = 1,
    ) -> None:
        stage = recipe.parents
        self._top, self._policy = stage.top, policy_of(recipe)
        self._seed, self._generation = seed % 2**32, generation
        own = [turn for turn in turns if turn.candidate.generation >= anew]
        self.since = max(anew, restarted(own, generation, stage.restart_after))
        """First generation that prompts tell of: later than 1 after a fresh restart, or when the search began anew."""
        known = own or [turn for turn in turns if turn.candidate.origin == "human"]
        wanted = [t for t in known if not {t.candidate.id, t.candidate.twin} & {*passed_over}]
        leader = best(wanted)
        self._turns = [
            t for t in champions(turns) if t in wanted and (t.candidate.generation >= self.since or t is leader)
        ]
        written = [turn.candidate for turn in turns if turn.candidate.origin != "tuned"]
        self._children = Counter(parent for candidate in written for parent in candidate.parents)
        self._parents = [self._deal(slot) for slot in range(k)]
        crossed, paired = _share(stage.crossed, k, generation), _share(stage.pairs, k, generation)
        mated = min(k, crossed + paired) if any(self._parents) else 0
        self.crossed = tuple(range(k - min(k, crossed), k)) if any(self._parents) else ()
        """Slots that are filled by crossing two parents without a model."""
        self._paired = frozenset(range(k - mated, k)) - set(self.crossed)

    def of(self, slot: int) -> tuple[Turn, ...]:
        """What one slot is asked to improve on: nothing, one parent, or two whose components it is to combine."""
        first = self._parents[slot]
        if first is None:
            return ()
        mate = next(self._mates(slot, first), None) if slot in self._paired else None
        return (first, mate) if mate else (first,)

    def parents(self) -> tuple[Turn, ...]:
        """Everyone that some slot is asked to improve on, each once, in order of slots."""
        found = {turn.candidate.id: turn for slot in range(len(self._parents)) for turn in self.of(slot)}
        return tuple(found.values())

    def pairs(self, slot: int) -> Iterator[tuple[Turn, Turn]]:
        """Parents that a slot may be crossed from, the most wanted first."""
        first = self._parents[slot]
        if first is not None:
            for mate in self._mates(slot, first):
                yield first, mate

    def coin(self, slot: int) -> np.random.Generator:
        """What decides which components a crossed slot takes from which parent."""
        return self._generator(slot, 2)

    def _deal(self, slot: int) -> Turn | None:
        found = self._pick(self._turns, slot, self._generator(slot, 0))
        if found:
            self._children[found.candidate.id] += 1
        return found

    def _mates(self, slot: int, first: Turn) -> Iterator[Turn]:
        """Others that the policy picks, of another score than the first (ReEvo), as long as there are some."""
        rng = self._generator(slot, 1)
        left = [turn for turn in self._turns if turn.score != first.score]
        for _ in range(MOST_MATES):
            found = self._pick(left, slot, rng)
            if found is None:
                return
            yield found
            left = [turn for turn in left if turn is not found]

    def _pick(self, turns: Sequence[Turn], slot: int, rng: np.random.Generator) -> Turn | None:
        return self._policy(turns, Place(slot=slot, top=self._top, children=self._children, rng=rng))

    def _generator(self, slot: int, purpose: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, self._generation, slot, purpose])


def restarted(turns: Sequence[Turn], generation: int, after: int | None) -> int:
    """The generation that last began afresh from the best, 1 where none did.

    One begins afresh when `after` generations in a row have not improved the best, counted from the best's own
    generation, or from the last fresh start.
    """
    since = 1
    for number in range(2, generation + 1 if after else 2):
        leader = best(turn for turn in turns if turn.candidate.generation < number)
        if leader and after and number - 1 - max(leader.candidate.generation, since - 1) >= after:
            since = number
    return since


def _share(share: float, k: int, generation: int) -> int:
    """Slots of one generation that a share comes to; what is left of a slot is carried on from the second on."""
    return int(share * k * (generation - 1) + 1e-9) - int(share * k * max(0, generation - 2) + 1e-9)
