"""Compose, write, screen, repair, critique: from a generation's number to its candidates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from rewardsmith.domain.candidate import Answered, Candidate, Origin
from rewardsmith.domain.prompt import Completion, CompletionKey, Context, Message, Request
from rewardsmith.domain.recipe import Recipe
from rewardsmith.errors import ModelExhausted, ModelUnavailable
from rewardsmith.prompting.forms import source_of, written
from rewardsmith.prompting.messages import compose, compose_repair
from rewardsmith.screening.screen import Verdict
from rewardsmith.search.asking import Asking
from rewardsmith.search.critiquing import Critiquing
from rewardsmith.search.drafts import Ask, Draft
from rewardsmith.search.journal import Journal
from rewardsmith.search.placing import Placing

Ready = Callable[[Candidate], None]


class Writing:
    """Fills the slots of a generation.

    Slots are screened in order, and what follows after them in order, so that which of two equal rewards is called the
    duplicate does not depend on timing, nor on how often the process was killed in between.
    """

    def __init__(self, journal: Journal, recipe: Recipe, asking: Asking, placing: Placing) -> None:
        self._journal = journal
        self._recipe = recipe
        self._asking = asking
        self._placing = placing
        self._critiquing = Critiquing(recipe, asking)

    async def start(self, source: str, ready: Ready) -> None:
        """Place a person's reward as the first generation; `ready` is told of it, unless a gate refuses it now."""
        if self._placing.present(1, 0):
            return
        verdict = await self._placing.verdict(1, 0, lambda: source)
        judgement = await self._placing.judgement(1, verdict)
        note = "A person's reward, given at the start.\n"
        candidate = await self._placing.place(1, 0, "human", (), verdict, judgement, answer=note)
        if verdict.passed:
            ready(candidate)

    async def generation(self, generation: int, contexts: Sequence[Context | None], ready: Ready) -> None:
        """Write and screen the generation's missing candidates; `ready` is told of each that may train, at once.

        Args:
            generation: Turn of the loop, from 1.
            contexts: What each slot is asked, by slot; nothing where it cannot be asked yet.
            ready: Starts a training.

        Raises:
            ModelUnavailable: Some completions could not be had; the slots that have theirs are done nevertheless.
        """
        composed: dict[tuple[str, ...], tuple[Message, ...]] = {}  # slots that are told the same are asked the same
        asks = []
        for slot, context in enumerate(contexts):
            if context is None or self._placing.present(generation, slot):
                continue
            told = (context.motion, *(turn.candidate.id for turn in context.parents))
            if told not in composed:
                composed[told] = compose(self._recipe, context)
            key = CompletionKey(generation=generation, role="designer", slot=slot)
            asks.append(Ask(self._asking.request(key, composed[told], context)))
        while asks:
            asks = await self._round(asks, ready)

    async def _round(self, asks: list[Ask], ready: Ready) -> list[Ask]:
        """Ask all at once, go on in order; gives what is to be asked next."""
        outage: ModelUnavailable | None = None
        further: list[Ask] = []
        async with self._asking.together([ask.request for ask in asks]) as tasks:
            for ask, task in zip(asks, tasks, strict=True):
                try:
                    completion = await task
                except ModelUnavailable as error:
                    outage = outage or error
                    if ask.about and isinstance(error, ModelExhausted):
                        await self._place(ask.about, ready)
                    continue
                step = await self._step(ask, completion)
                if isinstance(step, Ask):
                    further.append(step)
                else:
                    await self._place(step, ready)
        if isinstance(outage, ModelExhausted):
            for ask in further:
                assert ask.about is not None
                await self._place(ask.about, ready)
        if outage:
            raise outage
        return further

    async def _step(self, ask: Ask, completion: Completion) -> Ask | Draft:
        """What follows an answer: another call, or the draft that is to be placed."""
        if ask.request.key.role == "critic":
            return self._critiquing.heard(ask, completion)
        draft = await self._drafted(ask, completion)
        if draft.fault and len(ask.repairs) < self._recipe.screen.repairs:
            return self._repair(draft)
        return self._critiquing.review(draft) or draft

    def _repair(self, draft: Draft) -> Ask:
        failure, key = draft.fault, draft.ask.request.key
        assert failure is not None
        code = written(self._recipe.write.form, draft.completion)
        context = replace(draft.ask.request.context, rejected=(code, failure))
        earlier = sum(each.ask.request.key.role == "repair" for each in draft.line)
        call = CompletionKey(generation=key.generation, role="repair", slot=key.slot, call=earlier)
        messages = compose_repair(self._recipe, context)
        return Ask(self._asking.request(call, messages, context), draft, (*draft.ask.repairs, failure))

    async def _drafted(self, ask: Ask, completion: Completion) -> Draft:
        verdict = await self._screened(ask.request, completion)
        judgement = await self._placing.judgement(ask.request.key.generation, verdict)
        return Draft(ask, completion, verdict, judgement, ask.about.reviews if ask.about else ())

    async def _screened(self, request: Request, completion: Completion) -> Verdict:
        context, key = request.context, request.key
        return await self._placing.verdict(
            key.generation, key.slot, lambda: source_of(self._recipe, completion, context)
        )

    def _parents(self, draft: Draft) -> tuple[str, ...]:
        """Candidates that the answer was made from: as its author says, else those that the request named."""
        said = draft.completion.parents
        if said is None:
            return tuple(turn.candidate.id for turn in draft.ask.request.context.parents)
        return tuple(parent for parent in said if parent in self._journal.run.candidates)

    async def _place(self, last: Draft, ready: Ready) -> None:
        """Give the slot its candidate; what was not screened just now is screened again: another slot may hold it."""
        draft = last.best()
        request, verdict, repairs = draft.ask.request, draft.verdict, draft.ask.repairs
        if draft is not last or last.reviews:
            verdict = await self._screened(request, draft.completion)
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
            reviews=last.reviews,
            answered=Answered(role=request.key.role, call=request.key.call),
            messages=request.messages,
            answer=draft.completion.text,
            author=draft.completion.author,
        )
        if verdict.passed:
            ready(candidate)
