"""The loop: watch, analyse, compose, describe, write, screen, critique, race, tune, confirm, reflect.

It keeps nothing that the journal could not give back: killed at any moment and started again, it walks through what
is there without doing it twice and goes on where nothing is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.events import GenerationEnded, SearchEnded, StatusChanged
from rewardsmith.domain.plan import RunSpec
from rewardsmith.domain.recipe import Recipe
from rewardsmith.errors import ModelExhausted, ModelUnavailable
from rewardsmith.search.analysing import Analysing
from rewardsmith.search.composing import Composing
from rewardsmith.search.confirming import confirm, train_baselines
from rewardsmith.search.describing import Describing
from rewardsmith.search.examining import Examiner
from rewardsmith.search.journal import Journal
from rewardsmith.search.mating import Mating
from rewardsmith.search.racing import Race
from rewardsmith.search.selection import best
from rewardsmith.search.stoppers import Stopper, first_reason
from rewardsmith.search.training import Trainings
from rewardsmith.search.tuning import Tuning
from rewardsmith.search.watching import Watching
from rewardsmith.search.writing import Ready, Writing
from rewardsmith.store.artifacts import RunFolder

BARREN = 3
"""Generations in a row without a valid candidate after which a run ends."""


@dataclass(frozen=True)
class Search:
    """One run with everything that it needs."""

    spec: RunSpec
    recipe: Recipe
    journal: Journal
    watching: Watching
    composing: Composing
    analysing: Analysing
    describing: Describing
    mating: Mating
    writing: Writing
    trainings: Trainings
    race: Race
    tuning: Tuning
    stoppers: Sequence[Stopper]
    examiner: Examiner
    folder: RunFolder

    async def run(self) -> None:
        """Search, confirm, and say how it ended.

        Raises:
            ModelUnavailable: No completions can be had now; everything finished is kept.
            WorkerFailed: The machine cannot train.
            LeaseLost: Another process drives the run.
        """
        async with asyncio.TaskGroup() as group:
            written = asyncio.Event()
            group.create_task(self._train_baselines(written))
            if self.journal.run.search_ended is None:
                await self.journal.append(SearchEnded(reason=await self._generations(written)))
            written.set()
            await confirm(self.journal, self.spec, self.recipe, self.trainings)
        run = self.journal.run
        assert run.search_ended is not None
        await self.journal.append(
            StatusChanged(status="done" if run.confirmed else "failed", reason=run.search_ended.reason)
        )

    async def _train_baselines(self, written: asyncio.Event) -> None:
        """Train the baselines in slots that the search leaves free, once its first candidates are queued."""
        if not any(purpose == "baseline" for purpose, _, _ in self.journal.run.open):
            await written.wait()
        await train_baselines(self.spec, self.trainings)

    async def _generations(self, written: asyncio.Event) -> str:
        """Go through the generations; returns why it went no further."""
        run = self.journal.run
        for generation in range(1, self.spec.iterations + 1):
            if generation in run.generations:
                continue
            if reason := first_reason(self.stoppers, run) or self._barren():
                return reason
            await self.watching.after(generation - 1)
            exhausted = await self._generation(generation, written)
            if exhausted:
                return exhausted
        last = f"all {self.spec.iterations} generations" if self.spec.iterations > 1 else "the one generation"
        return first_reason(self.stoppers, run) or self._barren() or f"{last} done"

    async def _generation(self, generation: int, written: asyncio.Event) -> str | None:
        """Fill, train and close one generation; a reason when the model has nothing left.

        When a provider fails, what was written is still trained before the run pauses.
        """
        run = self.journal.run
        outage: ModelUnavailable | None = None
        async with asyncio.TaskGroup() as group:

            def train(candidate: Candidate) -> None:
                group.create_task(self.race.train(candidate))

            for candidate in self._own(generation):
                if candidate.failure is None and candidate.twin is None:
                    train(candidate)
            try:
                outage = await self._fill(generation, train)
            except ModelUnavailable as error:
                outage = error
            written.set()
        if outage and not isinstance(outage, ModelExhausted):
            raise outage
        await self.race.together(self._own(generation))
        await self.tuning.generation(generation)
        turns = [turn for turn in run.turns() if turn.candidate.generation == generation]
        if turns:
            own, overall = best(turns), best(run.turns())
            await self.journal.append(
                GenerationEnded(
                    generation=generation,
                    best=own.candidate.id if own else None,
                    best_overall=overall.candidate.id if overall else None,
                    warnings=await self.examiner.generation(run, generation, self.folder),
                )
            )
        return outage.message if outage else None

    async def _fill(self, generation: int, train: Ready) -> ModelUnavailable | None:
        """Give slots their candidates; the first generation has a person's reward alone, where there is one.

        Returns why some descriptions could not be had, where that is so.
        """
        if generation == 1 and self.spec.start_reward is not None:
            await self.writing.start(self.spec.start_reward, train)
            return None
        parentage = self.composing.parentage(generation)
        await self.mating.generation(generation, parentage, train)
        await self.analysing.generation(generation, parentage)
        contexts = await self.composing.contexts(generation, parentage)
        described = await self.describing.generation(generation, contexts)
        await self.writing.generation(generation, described.contexts, train)
        return described.outage

    def _own(self, generation: int) -> list[Candidate]:
        """The candidates of a generation but for what was tuned in it."""
        candidates = self.journal.run.candidates.values()
        return [c for c in candidates if c.generation == generation and c.slot < self.spec.k]

    def _barren(self) -> str | None:
        """Why it is no use to go on, when the last generations brought nothing."""
        run = self.journal.run
        last = sorted(run.generations)[-BARREN:]
        if len(last) < BARREN or any(run.generations[g].best for g in last):
            return None
        failures = [c.failure for c in run.candidates.values() if c.generation in last and c.failure]
        kinds = ", ".join(sorted({failure.kind for failure in failures})) or "none could be trained"
        return f"no valid candidate in {BARREN} generations in a row (faults: {kinds})"
