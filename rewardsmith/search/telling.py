"""What a run's next prompt says, or one of its earlier ones said: read from its events, changing nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from rewardsmith.domain.prompt import Completion, CompletionKey, Message
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.run import Run
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.errors import UsageError
from rewardsmith.motion.description import template
from rewardsmith.motion.fitting import robot_of
from rewardsmith.prompting.messages import compose, compose_description
from rewardsmith.search.composing import Composing
from rewardsmith.search.describing import chain, description
from rewardsmith.store.store import Store


@dataclass(frozen=True)
class Reading:
    """A run that is only read."""

    store: Store
    run: Run

    async def completion(self, key: CompletionKey) -> Completion | None:
        """The stored completion at a place."""
        assert self.run.spec is not None
        stored = self.store.completion(self.run.spec.run, key)
        return stored.completion if stored else None


def told(
    reading: Reading, recipe: Recipe, survey: Survey, probe: Probe, *, generation: int | None, slot: int
) -> tuple[Message, ...]:
    """The messages that ask for one slot of a generation; a describer's come first.

    Args:
        reading: The run.
        recipe: The run's own, or another one to see what it would make of the same history.
        survey: The run's survey.
        probe: Its rows.
        generation: Turn of the loop, from 1; the next one when absent.
        slot: Place in it.

    Raises:
        UsageError: The run is not that far, or a generation has no such slot.
        RecipeError: A template raised.
    """
    spec, run = reading.run.spec, reading.run
    assert spec is not None
    ahead = len(run.generations) + 1
    wanted = generation or ahead
    if wanted > ahead:
        done = f"{ahead - 1} generation{'s' * (ahead != 2)}"
        raise UsageError(
            f"run {spec.run} has done {done}: what generation {wanted} would be told is not known yet",
            hint=f"--generation {ahead} is the next; `rewardsmith resume {spec.run}` goes on",
        )
    if slot >= spec.k:
        raise UsageError(f"run {spec.run} has slots 0 to {spec.k - 1}, no slot {slot}", hint="name one with --slot")
    return asyncio.run(_told(Composing(reading, spec, recipe, survey, probe), wanted, slot))


async def _told(composing: Composing, generation: int, slot: int) -> tuple[Message, ...]:
    recipe, log = composing.recipe, composing.journal
    context = (await composing.contexts(generation, composing.parentage(generation)))[slot]
    if not recipe.describe.calls:
        return compose(recipe, context)
    chained = replace(context, chain=await chain(log, recipe, context))
    motion = await description(log, recipe, context, generation, slot) or template(robot_of(context.task))
    return (*compose_description(recipe, chained), *compose(recipe, replace(context, motion=motion)))
