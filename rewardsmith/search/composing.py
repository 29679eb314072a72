"""Compose: what each slot of a generation is asked, as frozen contexts."""

from __future__ import annotations

from dataclasses import dataclass

from rewardsmith.domain.plan import RunSpec
from rewardsmith.domain.prompt import CompletionKey, Context, Turn
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.search.journal import Journal
from rewardsmith.search.parentage import Parentage


@dataclass(frozen=True)
class Composing:
    """What a run's requests are made from."""

    journal: Journal
    spec: RunSpec
    recipe: Recipe
    survey: Survey
    probe: Probe

    def parentage(self, generation: int) -> Parentage:
        """Who is parent of which slot."""
        return Parentage(self.recipe, self._history(generation), generation, seed=self.spec.seed, k=self.spec.k)

    async def contexts(self, generation: int, parentage: Parentage) -> list[Context]:
        """One context for each slot of a generation, in order."""
        history = self._history(generation)
        said = tuple(remark for g, remark in sorted(self.journal.run.said.items()) if g < generation)
        told: dict[str, Turn] = {}
        contexts = []
        for slot in range(self.spec.k):
            parents = parentage.of(slot)
            for turn in parents:
                if turn.candidate.id not in told:
                    told[turn.candidate.id] = await self._with_reply(turn)
            contexts.append(
                Context(
                    task=self.spec.task,
                    survey=self.survey,
                    probe=self.probe,
                    history=history,
                    parents=tuple(told[turn.candidate.id] for turn in parents),
                    seed=self.spec.seed,
                    k=self.spec.k,
                    since=parentage.since,
                    examples=self.spec.examples,
                    said=said,
                )
            )
        return contexts

    def _history(self, generation: int) -> tuple[Turn, ...]:
        return tuple(turn for turn in self.journal.run.turns() if turn.candidate.generation < generation)

    async def _with_reply(self, turn: Turn) -> Turn:
        """The turn with the completion that it came from, verbatim."""
        place, repairs = turn.candidate, len(turn.candidate.repairs)
        key = CompletionKey(generation=place.generation, role="designer", slot=place.slot)
        if repairs:
            key = CompletionKey(generation=place.generation, role="repair", slot=place.slot, call=repairs - 1)
        completion = await self.journal.completion(key)
        return turn.model_copy(update={"reply": completion.text}) if completion else turn
