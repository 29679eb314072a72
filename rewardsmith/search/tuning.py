"""Tune: the parameters of the best structures, by Optuna, on the score and never on the reward.

Optuna is asked and told; it owns nothing. A study is made anew from the run's own events whenever a value is wanted, so
that a resumed run goes on as an undisturbed one. The race is its pruner: what was stopped counts as pruned.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from rewardsmith.domain.candidate import Candidate, candidate_id
from rewardsmith.domain.plan import RunSpec
from rewardsmith.domain.prompt import Turn
from rewardsmith.domain.recipe import Recipe
from rewardsmith.reward.ranges import Range, ranges, short
from rewardsmith.reward.source import set_parameters
from rewardsmith.search.journal import Journal
from rewardsmith.search.placing import Placing
from rewardsmith.search.racing import Race
from rewardsmith.search.selection import ranked

if TYPE_CHECKING:
    from optuna.distributions import FloatDistribution
    from optuna.trial import FrozenTrial

STARTUP = 1
"""Trials before values are drawn by what is known; the author's own values are one."""


@dataclass(frozen=True)
class Tuning:
    """Adds tuned children to the generations of one run, in slots after its own."""

    spec: RunSpec
    recipe: Recipe
    journal: Journal
    placing: Placing
    race: Race

    async def generation(self, generation: int) -> None:
        """Train the generation's trials, as many at a time as there are slots.

        With `--deterministic` in rounds, in which nobody knows how the others of the round fare.
        """
        chosen = self.structures(generation)
        slots = range(self.spec.k, self.spec.k + self.recipe.tune.trials) if chosen else range(0)
        asked = [(slot, chosen[i % len(chosen)]) for i, slot in enumerate(slots)]
        if self.spec.deterministic:
            for start in range(0, len(asked), self.spec.workers):
                part = asked[start : start + self.spec.workers]
                names = [candidate_id(generation, slot) for slot, _ in part]
                made = [await self._candidate(generation, slot, structure, names) for slot, structure in part]
                trained = [each for each in made if each and not each.failure and not each.twin]
                await asyncio.gather(*map(self.race.train, trained))
                await self.race.together(trained)
            return
        left = iter(asked)

        async def lane() -> None:
            for slot, structure in left:
                candidate = await self._candidate(generation, slot, structure, ())
                if candidate and not candidate.failure and not candidate.twin:
                    await self.race.train(candidate)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self.spec.workers, len(asked))):
                group.create_task(lane())

    def structures(self, generation: int) -> list[Turn]:
        """What is tuned in a generation: the structures with the best scores so far that have parameters.

        Trials of this very generation do not count, so that it is the same when the run is resumed.
        """
        turns = {turn.candidate.id: turn for turn in self.journal.run.turns()}
        before = [
            turn
            for turn in turns.values()
            if (turn.candidate.generation, turn.candidate.slot) < (generation, self.spec.k)
        ]
        leading = list(dict.fromkeys(turn.candidate.structure for turn in ranked(before) if not turn.stopped))
        best = [turns[name] for name in leading[: self.recipe.tune.structures]]
        return [turn for turn in best if turn.candidate.parameters and not turn.stopped]

    async def _candidate(self, generation: int, slot: int, structure: Turn, blind: Collection[str]) -> Candidate | None:
        """The trial in a slot, made now unless it is there; None where the search may start nothing more."""
        there = self.journal.run.candidates.get(candidate_id(generation, slot))
        if there or self.race.halted():
            return there
        source = structure.candidate.source or ""
        trials = [t for t in self.journal.run.turns() if t.candidate.origin == "tuned"]
        trials = [t for t in trials if t.candidate.structure == structure.candidate.id]
        sequence = np.random.SeedSequence([self.spec.seed % 2**32, generation, slot])
        known = ranges(source)
        values = await asyncio.to_thread(suggest, known, structure, trials, blind, int(sequence.generate_state(1)[0]))
        verdict = await self.placing.verdict(generation, slot, partial(set_parameters, source, values))
        parents, note = (structure.candidate.id,), f"The parameters of {structure.candidate.id}, tuned on the score.\n"
        return await self.placing.place(generation, slot, "tuned", parents, verdict, None, answer=note)


def suggest(
    known: dict[str, Range], structure: Turn, trials: Sequence[Turn], blind: Collection[str], seed: int
) -> dict[str, float]:
    """The next values to try, by multivariate TPE, at three significant digits.

    Args:
        known: Range of each parameter.
        structure: The reward as its author wrote it, trained to its end: the first trial.
        trials: Its tuned children so far, oldest first.
        blind: Ids of children that count as running, whatever became of them.
        seed: Of the draw.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True, n_startup_trials=STARTUP)
    study = optuna.create_study(sampler=sampler, direction="maximize")
    space = {name: _distribution(each) for name, each in known.items()}
    for turn in (structure, *trials):
        study.add_trial(_trial(turn, known, space, running=turn.candidate.id in blind))
    drawn = study.ask({**space}).params
    return {name: short(value) * (known[name].sign or 1) for name, value in drawn.items()}


def _distribution(known: Range) -> FloatDistribution:
    from optuna.distributions import FloatDistribution

    if not known.sign:
        return FloatDistribution(known.low, known.high)
    low, high = sorted((abs(known.low), abs(known.high)))
    return FloatDistribution(low, high, log=True)


def _trial(turn: Turn, known: dict[str, Range], space: dict[str, FloatDistribution], *, running: bool) -> FrozenTrial:
    """A turn as Optuna keeps it: complete, pruned where its training was stopped, failed, or running."""
    from optuna.trial import TrialState, create_trial

    report, state = turn.report, TrialState.COMPLETE
    if turn.candidate.failure or (report and report.failure):
        state = TrialState.FAIL
    elif report is None or report.score is None or running:
        state = TrialState.RUNNING
    elif turn.stopped:
        state = TrialState.PRUNED
    told = state in (TrialState.COMPLETE, TrialState.PRUNED) and report is not None
    values = {name: turn.candidate.parameters[name] * (known[name].sign or 1) for name in known}
    return create_trial(
        state=state,
        value=report.score if report and state == TrialState.COMPLETE else None,
        params={name: min(max(value, space[name].low), space[name].high) for name, value in values.items()},
        distributions=dict(space),
        intermediate_values={i: rung.mean for i, rung in enumerate(report.rungs)} if told and report else {},
    )
