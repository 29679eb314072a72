"""Compose, write, screen, repair: from a generation's number to its candidates."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from rewardsmith.domain.candidate import Candidate, Origin, candidate_id
from rewardsmith.domain.events import Screened
from rewardsmith.domain.plan import RunSpec
from rewardsmith.domain.prompt import Completion, CompletionKey, Context, Message, Request, prompt_hash
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.report import Failure
from rewardsmith.errors import ModelUnavailable
from rewardsmith.models.model import Model
from rewardsmith.prompting.extraction import find_code
from rewardsmith.prompting.messages import compose, compose_repair
from rewardsmith.screening.screen import Screen, Verdict
from rewardsmith.search.journal import Journal
from rewardsmith.store.artifacts import RunFolder

Ready = Callable[[Candidate], None]


@dataclass(frozen=True)
class _Draft:
    """A completion on its way to a candidate."""

    slot: int
    completion: Completion
    messages: tuple[Message, ...]
    repairs: tuple[Failure, ...] = ()


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
        slots = [slot for slot in range(self._spec.k) if candidate_id(generation, slot) not in present]
        messages = compose(self._recipe, context)
        asked = [
            asyncio.create_task(
                self._ask(CompletionKey(generation=generation, role="designer", slot=slot), messages, context)
            )
            for slot in slots
        ]
        try:
            failing: list[tuple[_Draft, Verdict]] = []
            outage: ModelUnavailable | None = None
            for slot, task in zip(slots, asked, strict=True):
                try:
                    draft = _Draft(slot, await task, messages)
                except ModelUnavailable as error:
                    outage = outage or error
                    continue
                await self._settle(generation, draft, context, ready, failing)
            if outage is None:
                await self._repair(generation, failing, context, ready)
        finally:
            for task in asked:
                task.cancel()
        if outage is not None:
            for draft, verdict in failing:
                await self._place(generation, draft, verdict, context, ready)
            raise outage

    async def _settle(
        self, generation: int, draft: _Draft, context: Context, ready: Ready, failing: list[tuple[_Draft, Verdict]]
    ) -> None:
        verdict = await self._judge(draft, generation)
        if verdict.failure and len(draft.repairs) < self._recipe.screen.repairs:
            failing.append((draft, verdict))
        else:
            await self._place(generation, draft, verdict, context, ready)

    async def _repair(
        self, generation: int, failing: list[tuple[_Draft, Verdict]], context: Context, ready: Ready
    ) -> None:
        while failing:
            again: list[tuple[_Draft, Verdict]] = []
            asked = [asyncio.create_task(self._ask_repair(generation, *pair, context)) for pair in failing]
            try:
                for (draft, verdict), task in zip(failing, asked, strict=True):
                    try:
                        repaired = await task
                    except ModelUnavailable:
                        await self._place(generation, draft, verdict, context, ready)
                        raise
                    await self._settle(generation, repaired, context, ready, again)
            finally:
                for task in asked:
                    task.cancel()
            failing = again

    async def _ask_repair(self, generation: int, draft: _Draft, verdict: Verdict, context: Context) -> _Draft:
        assert verdict.failure is not None
        rejected = replace(context, rejected=(verdict.source or draft.completion.text, verdict.failure))
        messages = compose_repair(self._recipe, rejected)
        call = len(draft.repairs)
        key = CompletionKey(generation=generation, role="repair", slot=draft.slot, call=call)
        completion = await self._ask(key, messages, rejected)
        return _Draft(draft.slot, completion, messages, (*draft.repairs, verdict.failure))

    async def _ask(self, key: CompletionKey, messages: tuple[Message, ...], context: Context) -> Completion:
        stored = await self._journal.completion(key)
        if stored is not None:
            return stored
        request = Request(
            key=key,
            messages=messages,
            context=context,
            temperature=self._recipe.write.temperature,
            max_tokens=self._recipe.write.max_tokens,
        )
        completion = await self._model.complete(request)
        await self._journal.keep(key, prompt_hash(messages), completion)
        return completion

    async def _judge(self, draft: _Draft, generation: int) -> Verdict:
        completion = draft.completion
        return await asyncio.to_thread(
            self._screen.judge,
            lambda: find_code(completion.text, finish_reason=completion.finish_reason),
            self._seen(candidate_id(generation, draft.slot)),
        )

    def _seen(self, but: str) -> Mapping[str, str]:
        """Rewards of the run that have a place of their own, by reward id."""
        return {
            c.reward_id: c.id
            for c in self._journal.run.candidates.values()
            if c.reward_id and not c.twin and not c.failure and c.id != but
        }

    async def _place(self, generation: int, draft: _Draft, verdict: Verdict, context: Context, ready: Ready) -> None:
        analysis = verdict.analysis
        origin: Origin = "repaired" if draft.repairs else "mutated" if context.parents else "proposed"
        candidate = Candidate(
            generation=generation,
            slot=draft.slot,
            origin=origin,
            parents=tuple(turn.candidate.id for turn in context.parents),
            source=verdict.source,
            reward_id=analysis.reward_id if analysis else None,
            parameters=analysis.parameters if analysis else {},
            signals=analysis.signals if analysis else (),
            components=verdict.components,
            failure=verdict.failure,
            twin=verdict.twin,
            repairs=draft.repairs,
        )
        await asyncio.to_thread(self._folder.keep_candidate, candidate, draft.messages, draft.completion.text)
        await self._journal.append(Screened(candidate=candidate))
        if verdict.passed:
            ready(candidate)
