"""Describe: before each program a describer puts the motion into the words of the robot's template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rewardsmith.domain.prompt import Completion, CompletionKey, Context, Request, Turn
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.report import Failure
from rewardsmith.errors import ModelExhausted, ModelUnavailable, one_line
from rewardsmith.motion.description import check
from rewardsmith.motion.fitting import robot_of
from rewardsmith.prompting.extraction import spoken
from rewardsmith.prompting.messages import compose_description, compose_description_again
from rewardsmith.screening.screen import Verdict
from rewardsmith.search.asking import Asking
from rewardsmith.search.composing import Told
from rewardsmith.search.placing import Placing

MOST_ROUNDS = 6
"""Earlier descriptions that a describer is reminded of."""
_MOST_SAID = 500
"""Characters of a failure."""


@dataclass(frozen=True)
class Described:
    """What describing a generation came to."""

    contexts: tuple[Context | None, ...]
    """What each slot's designer is asked; absent where there is no description."""
    outage: ModelUnavailable | None = None
    """Why some could not be had."""


@dataclass(frozen=True)
class _Faulty:
    """An answer that does not fill the template."""

    request: Request
    completion: Completion
    faults: tuple[str, ...]

    @property
    def calls(self) -> int:
        """How often this slot's describer was asked."""
        return self.request.key.call + 1


@dataclass(frozen=True)
class Describing:
    """The describer of one run; without calls it is never asked."""

    recipe: Recipe
    asking: Asking
    placing: Placing

    async def generation(self, generation: int, contexts: Sequence[Context]) -> Described:
        """Describe the motions of the generation's missing candidates, all at once, and judge them in order.

        A description that does not fill the template is asked for again; a slot that has none after the last call gets
        a candidate that failed.
        """
        if not self.recipe.describe.calls:
            return Described(tuple(contexts))
        told: list[Context | None] = [None] * len(contexts)
        requests = [
            await self._request(generation, slot, context)
            for slot, context in enumerate(contexts)
            if not self.placing.present(generation, slot)
        ]
        faulty: dict[int, _Faulty] = {}
        outage: ModelUnavailable | None = None
        while requests and outage is None:
            async with self.asking.together(requests) as tasks:
                for request, task in zip(requests, tasks, strict=True):
                    try:
                        completion = await task
                    except ModelUnavailable as error:
                        outage = outage or error
                        continue
                    found = check(spoken(completion.text), robot_of(request.context.task))
                    faulty.pop(request.key.slot, None)
                    if found.faults:
                        faulty[request.key.slot] = _Faulty(request, completion, found.faults)
                    else:
                        told[request.key.slot] = replace(request.context, motion=found.text)
            done = [each for each in faulty.values() if each.calls >= self.recipe.describe.calls]
            for each in list(faulty.values()) if isinstance(outage, ModelExhausted) else done:
                await self._fail(faulty.pop(each.request.key.slot))
            requests = [self._again(each) for each in faulty.values()]
        return Described(tuple(told), outage)

    async def _request(self, generation: int, slot: int, context: Context) -> Request:
        chained = replace(context, chain=await chain(self.asking.journal, self.recipe, context))
        key = CompletionKey(generation=generation, role="describer", slot=slot)
        return self.asking.request(key, compose_description(self.recipe, chained), chained)

    def _again(self, faulty: _Faulty) -> Request:
        request, text = faulty.request, faulty.completion.text
        messages = compose_description_again(self.recipe, request.context, request.messages, text, faulty.faults)
        key = request.key.model_copy(update={"call": faulty.calls})
        return self.asking.request(key, messages, request.context)

    async def _fail(self, faulty: _Faulty) -> None:
        """Give a slot without a description a candidate that failed."""
        request, said = faulty.request, one_line(" ".join(faulty.faults), _MOST_SAID)
        calls = f"{faulty.calls} calls" if faulty.calls > 1 else "one call"
        message = f"no description of the motion after {calls}: {said}"
        parents = tuple(turn.candidate.id for turn in request.context.parents)
        await self.placing.place(
            request.key.generation,
            request.key.slot,
            "mutated" if parents else "proposed",
            parents,
            Verdict(failure=Failure(gate="describe", kind="unfilled", message=message)),
            None,
            answer=faulty.completion.text,
            author=faulty.completion.author,
            messages=request.messages,
        )


async def chain(log: Told, recipe: Recipe, context: Context) -> tuple[Turn, ...]:
    """The parent and what it came from, oldest first, each with its description, as far as they have one."""
    turns = {turn.candidate.id: turn for turn in context.history}
    found: list[Turn] = []
    turn = context.parents[0] if context.parents else None
    while turn is not None and len(found) < MOST_ROUNDS:
        written = turns.get(turn.candidate.structure, turn).candidate
        text = await description(log, recipe, context, written.generation, written.slot)
        if text is None:
            break
        found.append(turn.model_copy(update={"description": text}))
        turn = turns.get(written.parents[0]) if written.parents else None
        if turn is not None and turn.candidate.generation < context.since:
            break
    return tuple(reversed(found))


async def description(log: Told, recipe: Recipe, context: Context, generation: int, slot: int) -> str | None:
    """The description that the candidate of a slot was made from."""
    for call in range(recipe.describe.calls):
        key = CompletionKey(generation=generation, role="describer", slot=slot, call=call)
        completion = await log.completion(key)
        if completion is not None and not (found := check(spoken(completion.text), robot_of(context.task))).faults:
            return found.text
    return None
