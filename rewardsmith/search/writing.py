"""Compose, write, screen, repair: from a generation's number to its candidates."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rewardsmith.domain.candidate import Candidate, Origin
from rewardsmith.domain.judgement import Judgement
from rewardsmith.domain.prompt import Completion, CompletionKey, Context, Message, Request
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.report import Failure
from rewardsmith.errors import ModelExhausted, ModelUnavailable
from rewardsmith.prompting.forms import source_of, written
from rewardsmith.prompting.messages import compose, compose_repair
from rewardsmith.screening.screen import Verdict
from rewardsmith.search.asking import Asking
from rewardsmith.search.journal import Journal
from rewardsmith.search.placing import Placing

Ready = Callable[[Candidate], None]


@dataclass(frozen=True)
class _Ask:
    """A call of the model for one slot; a repair carries what it is to repair."""

    request: Request
    broken: _Draft | None = None
    repairs: tuple[Failure, ...] = ()


@dataclass(frozen=True)
class _Draft:
    """What a call came to, on its way to a candidate."""

    ask: _Ask
    completion: Completion
    verdict: Verdict
    judgement: Judgement | None = None

    @property
    def fault(self) -> Failure | None:
        """What a repair call is told."""
        return self.verdict.failure or (self.judgement.doubt if self.judgement else None)

    def worth(self) -> tuple[bool, bool, float]:
        """The more, the better: what may train before what may not, what nothing speaks against, what ranks better."""
        ranks = self.judgement.correlation if self.judgement else None
        return self.verdict.passed, self.fault is None, ranks or 0.0


class Writing:
    """Fills the slots of a generation.

    Slots are screened in order, and repairs after them in order, so that which of two equal rewards is called the
    duplicate does not depend on timing, nor on how often the process was killed in between.
    """

    def __init__(self, journal: Journal, recipe: Recipe, asking: Asking, placing: Placing) -> None:
        self._journal = journal
        self._recipe = recipe
        self._asking = asking
        self._placing = placing

    async def generation(self, generation: int, contexts: Sequence[Context], ready: Ready) -> None:
        """Write and screen the generation's missing candidates; `ready` is told of each that may train, at once.

        Args:
            generation: Turn of the loop, from 1.
            contexts: What each slot is asked, by slot.
            ready: Starts a training.

        Raises:
            ModelUnavailable: Some completions could not be had; the slots that have theirs are done nevertheless.
        """
        composed: dict[tuple[str, ...], tuple[Message, ...]] = {}
        asks = []
        for slot, context in enumerate(contexts):
            if self._placing.present(generation, slot):
                continue
            parents = tuple(turn.candidate.id for turn in context.parents)
            if parents not in composed:
                composed[parents] = compose(self._recipe, context)
            key = CompletionKey(generation=generation, role="designer", slot=slot)
            asks.append(_Ask(self._asking.request(key, composed[parents], context)))
        while asks:
            asks = await self._round(asks, ready)

    async def _round(self, asks: list[_Ask], ready: Ready) -> list[_Ask]:
        """Ask all at once, screen in order; gives the repairs to ask for next."""
        outage: ModelUnavailable | None = None
        failing: list[_Draft] = []
        tasks = await self._start(asks)
        try:
            for ask, task in zip(asks, tasks, strict=True):
                try:
                    completion = await task
                except ModelUnavailable as error:
                    outage = outage or error
                    if ask.broken and isinstance(error, ModelExhausted):
                        await self._place(ask.broken, ready)
                    continue
                draft = await self._drafted(ask, completion)
                if draft.fault and len(ask.repairs) < self._recipe.screen.repairs:
                    failing.append(draft)
                else:
                    await self._place(draft, ready)
        finally:
            for task in tasks:
                task.cancel()
        if isinstance(outage, ModelExhausted):
            for draft in failing:
                await self._place(draft, ready)
        if outage:
            raise outage
        return [self._repair(draft) for draft in failing]

    def _repair(self, draft: _Draft) -> _Ask:
        failure, key = draft.fault, draft.ask.request.key
        assert failure is not None
        code = written(self._recipe.write.form, draft.completion)
        context = replace(draft.ask.request.context, rejected=(code, failure))
        call = CompletionKey(generation=key.generation, role="repair", slot=key.slot, call=len(draft.ask.repairs))
        messages = compose_repair(self._recipe, context)
        return _Ask(self._asking.request(call, messages, context), draft, (*draft.ask.repairs, failure))

    async def _start(self, asks: list[_Ask]) -> list[asyncio.Task[Completion]]:
        """Calls of the model, started in order; what is stored already is not asked again."""
        stored = [await self._asking.stored(ask.request) for ask in asks]
        pairs = zip(asks, stored, strict=True)
        return [asyncio.create_task(self._asking.ask(ask.request, known)) for ask, known in pairs]

    async def _drafted(self, ask: _Ask, completion: Completion) -> _Draft:
        verdict = await self._screened(ask.request, completion)
        judgement = await self._placing.judgement(ask.request.key.generation, verdict)
        return _Draft(ask, completion, verdict, judgement)

    async def _screened(self, request: Request, completion: Completion) -> Verdict:
        context, key = request.context, request.key
        return await self._placing.verdict(
            key.generation, key.slot, lambda: source_of(self._recipe, completion, context)
        )

    def _parents(self, draft: _Draft) -> tuple[str, ...]:
        """Candidates that the answer was made from: as its author says, else those that the request named."""
        said = draft.completion.parents
        if said is None:
            return tuple(turn.candidate.id for turn in draft.ask.request.context.parents)
        return tuple(parent for parent in said if parent in self._journal.run.candidates)

    async def _chosen(self, last: _Draft) -> _Draft:
        """The last draft of a slot, unless one that it was to repair is worth more: one in doubt may still be the best.

        That one is screened again, since another slot may hold the same by now.
        """
        drafts = [last]
        while (broken := drafts[-1].ask.broken) is not None:
            drafts.append(broken)
        chosen = max(drafts, key=_Draft.worth)
        if chosen is last:
            return last
        return replace(chosen, verdict=await self._screened(chosen.ask.request, chosen.completion))

    async def _place(self, draft: _Draft, ready: Ready) -> None:
        draft = await self._chosen(draft)
        request, verdict, repairs = draft.ask.request, draft.verdict, draft.ask.repairs
        parents = self._parents(draft)
        made: Origin = "crossed" if len(parents) > 1 else "mutated" if parents else "proposed"
        candidate = await self._placing.place(
            request.key.generation,
            request.key.slot,
            "repaired" if repairs else made,
            parents,
            verdict,
            draft.judgement,
            repairs=repairs,
            messages=request.messages,
            answer=draft.completion.text,
            author=draft.completion.author,
        )
        if verdict.passed:
            ready(candidate)
