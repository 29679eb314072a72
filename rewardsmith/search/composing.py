"""Compose: what each slot of a generation is asked, as frozen contexts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from rewardsmith.domain.candidate import Answered, Candidate
from rewardsmith.domain.plan import RunSpec
from rewardsmith.domain.prompt import Completion, CompletionKey, Context, Turn
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.run import Run
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.domain.watching import Remark
from rewardsmith.prompting.window import fitted
from rewardsmith.search.parentage import Parentage


class Told(Protocol):
    """A run with its stored completions: a journal, or who only reads."""

    @property
    def run(self) -> Run:
        """What the events say."""

    async def completion(self, key: CompletionKey) -> Completion | None:
        """The stored completion at a place."""


@dataclass(frozen=True)
class Composing:
    """What a run's requests are made from."""

    journal: Told
    spec: RunSpec
    recipe: Recipe
    survey: Survey
    probe: Probe

    def parentage(self, generation: int, *, without: str | None = None) -> Parentage:
        """Who is parent of which slot, or would be if the candidate `without` were passed over."""
        passed_over = {remark.over for remark in self._said(generation) if remark.over} | {without or ""}
        turns = self.spec.iterations // (1 + self.recipe.parents.restarts)
        asked = min(generation, self.spec.iterations)
        return Parentage(
            self.recipe,
            self._history(generation),
            generation,
            seed=self.spec.seed,
            k=self.spec.k,
            passed_over=passed_over,
            anew=asked - (asked - 1) % turns,
        )

    async def contexts(self, generation: int, parentage: Parentage) -> list[Context]:
        """One context for each slot of a generation, in order."""
        told: dict[str, Turn] = {}
        contexts = []
        for slot in range(self.spec.k):
            parents = parentage.of(slot)
            for turn in parents:
                if turn.candidate.id not in told:
                    told[turn.candidate.id] = await self._told(turn)
            shown = tuple(told[turn.candidate.id] for turn in parents)
            contexts.append(self.context(generation, shown, parentage))
        return contexts

    def context(self, generation: int, parents: tuple[Turn, ...], parentage: Parentage) -> Context:
        """What is known when a generation is asked for, as far as the model's window holds it."""
        context = Context(
            task=self.spec.task,
            survey=self.survey,
            probe=self.probe,
            history=self._history(generation),
            parents=parents,
            seed=self.spec.seed,
            k=self.spec.k,
            since=parentage.since,
            examples=self.spec.examples,
            said=self._said(generation),
        )
        return fitted(self.recipe, context, self.spec.window)

    def _said(self, generation: int) -> tuple[Remark, ...]:
        return tuple(remark for remark in self.journal.run.remarks() if remark.generation < generation)

    def _history(self, generation: int) -> tuple[Turn, ...]:
        return tuple(turn for turn in self.journal.run.turns() if turn.candidate.generation < generation)

    async def _told(self, turn: Turn) -> Turn:
        """The turn with the completion that it came from, verbatim, and what the analyser read in its training."""
        place = turn.candidate
        answered = place.answered or _answered(place)
        key = CompletionKey(generation=place.generation, role=answered.role, slot=place.slot, call=answered.call)
        completion = await self.journal.completion(key)
        analysis = self.journal.run.analyses.get(place.id)
        return turn.model_copy(update={"reply": completion.text if completion else None, "analysis": analysis})


def _answered(candidate: Candidate) -> Answered:
    """The completion of a candidate that does not say it: of an older run, or tuned, or crossed, which have none."""
    repairs = len(candidate.repairs)
    return Answered(role="repair", call=repairs - 1) if repairs else Answered(role="designer", call=0)
