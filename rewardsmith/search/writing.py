"""Compose, write, screen, repair: from a generation's number to its candidates."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from rewardsmith.domain.candidate import Candidate, Origin, candidate_id
from rewardsmith.domain.events import Screened
from rewardsmith.domain.plan import RunSpec
from rewardsmith.domain.prompt import Completion, CompletionKey, Context, Message, Request, prompt_hash
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.report import Failure
from rewardsmith.errors import ModelExhausted, ModelUnavailable
from rewardsmith.models.model import Model
from rewardsmith.prompting.extraction import find_code
from rewardsmith.prompting.messages import compose, compose_repair
from rewardsmith.screening.screen import Known, Screen, Verdict
from rewardsmith.search.journal import Journal
from rewardsmith.store.artifacts import RunFolder

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


class Writing:
    """Fills the slots of a generation.

    Slots are screened in order, and repairs after them in order, so that which of two equal rewards is called the
    duplicate does not depend on timing, nor on how often the process was killed in between.
    """

    def __init__(
        self, journal: Journal, spec: RunSpec, recipe: Recipe, model: Model, screen: Screen, folder: RunFolder
    ) -> None:
        self._journal = journal
        self._spec = spec
        self._recipe = recipe
        self._model = model
        self._screen = screen
        self._folder = folder

    async def generation(self, generation: int, context: Context, ready: Ready) -> None:
        """Write and screen the generation's missing candidates; `ready` is told of each that may train, at once.

        Raises:
            ModelUnavailable: Some completions could not be had; the slots that have theirs are done nevertheless.
        """
        present = self._journal.run.candidates
        messages = compose(self._recipe, context)
        asks = [
            _Ask(self._request(CompletionKey(generation=generation, role="designer", slot=slot), messages, context))
            for slot in range(self._spec.k)
            if candidate_id(generation, slot) not in present
        ]
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
                draft = _Draft(ask, completion, await self._judge(ask.request.key, completion))
                if draft.verdict.failure and len(ask.repairs) < self._recipe.screen.repairs:
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
        failure, key = draft.verdict.failure, draft.ask.request.key
        assert failure is not None
        source = draft.verdict.source or draft.completion.text
        context = replace(draft.ask.request.context, rejected=(source, failure))
        call = CompletionKey(generation=key.generation, role="repair", slot=key.slot, call=len(draft.ask.repairs))
        messages = compose_repair(self._recipe, context)
        return _Ask(self._request(call, messages, context), draft, (*draft.ask.repairs, failure))

    def _request(self, key: CompletionKey, messages: tuple[Message, ...], context: Context) -> Request:
        write = self._recipe.write
        return Request(key, messages, context, temperature=write.temperature, max_tokens=write.max_tokens)

    async def _start(self, asks: list[_Ask]) -> list[asyncio.Task[Completion]]:
        """Calls of the model, started in order; what is stored already is not asked again."""
        stored = [await self._journal.completion(ask.request.key) for ask in asks]
        return [asyncio.create_task(self._ask(ask.request, known)) for ask, known in zip(asks, stored, strict=True)]

    async def _ask(self, request: Request, stored: Completion | None) -> Completion:
        if stored is not None:
            return stored
        completion = await self._model.complete(request)
        await self._journal.keep(request.key, prompt_hash(request.messages), completion)
        return completion

    async def _judge(self, key: CompletionKey, completion: Completion) -> Verdict:
        return await asyncio.to_thread(
            self._screen.judge,
            lambda: find_code(completion.text, finish_reason=completion.finish_reason),
            self._seen(candidate_id(key.generation, key.slot)),
        )

    def _seen(self, but: str) -> list[Known]:
        """Rewards of the run that have a place of their own."""
        return [
            Known(c.id, c.reward_id, c.source)
            for c in self._journal.run.candidates.values()
            if c.reward_id and c.source and not c.twin and not c.failure and c.id != but
        ]

    def _parents(self, draft: _Draft) -> tuple[str, ...]:
        """Candidates that the answer was made from: as its author says, else those that the request named."""
        said = draft.completion.parents
        if said is None:
            return tuple(turn.candidate.id for turn in draft.ask.request.context.parents)
        return tuple(parent for parent in said if parent in self._journal.run.candidates)

    async def _place(self, draft: _Draft, ready: Ready) -> None:
        request, verdict, repairs = draft.ask.request, draft.verdict, draft.ask.repairs
        parents = self._parents(draft)
        made: Origin = "crossed" if len(parents) > 1 else "mutated" if parents else "proposed"
        analysis = verdict.analysis
        candidate = Candidate(
            generation=request.key.generation,
            slot=request.key.slot,
            origin="repaired" if repairs else made,
            parents=parents,
            source=verdict.source,
            reward_id=analysis.reward_id if analysis else None,
            parameters=analysis.parameters if analysis else {},
            signals=analysis.signals if analysis else (),
            components=verdict.components,
            failure=verdict.failure,
            twin=verdict.twin,
            twin_factor=verdict.factor,
            repairs=repairs,
        )
        await asyncio.to_thread(self._folder.keep_candidate, candidate, request.messages, draft.completion.text)
        await self._journal.append(Screened(candidate=candidate))
        if verdict.passed:
            ready(candidate)
