"""Racing: candidates are trained rung by rung, and who can hardly lead any more stops.

Successive halving with asynchronous promotion (Li et al. 2020, "A System for Massively Parallel Hyperparameter
Tuning"), but for its rule: not a fixed share is promoted; a candidate is stopped when its chance to end among the
leaders is small. First every candidate of a generation is trained to the first mark; then, whenever a slot is free, the
one with the best chance of those that wait at a mark goes on, so that no slot idles.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.events import Raced
from rewardsmith.domain.plan import RunSpec
from rewardsmith.domain.recipe import Recipe
from rewardsmith.search.chances import Standing, chances
from rewardsmith.search.confirming import SEARCH, spec_of
from rewardsmith.search.journal import Journal
from rewardsmith.search.selection import legs, places, search_seed
from rewardsmith.search.training import Key, Trainings

_FRESH, _WAITING, _DOUBTFUL = 0, 1, 2


@dataclass
class Race:
    """Sees the candidates of one run through their trainings.

    Args:
        spec: What the run was asked to do.
        recipe: Where trainings pause, and which chance is small.
        journal: The run.
        trainings: Where they are trained.
        halted: Why the search starts nothing more; None while it does.
    """

    spec: RunSpec
    recipe: Recipe
    journal: Journal
    trainings: Trainings
    halted: Callable[[], str | None]
    _known: tuple[int, dict[str, float]] = field(default=(-1, {}), init=False, repr=False)

    async def train(self, candidate: Candidate) -> None:
        """Train a candidate until it has ended, was stopped, or the search has.

        With `--deterministic` only to the first mark: see `together`.
        """
        for until in self._legs:
            await self._leg(candidate, until)
            if self.spec.deterministic or self._key(candidate) not in self.journal.run.paused:
                return

    async def together(self, candidates: Iterable[Candidate]) -> None:
        """With `--deterministic`, take those that wait at the first mark from mark to mark, deciding on all at once."""
        cohort = list(candidates) if self.spec.deterministic else []
        for mark, until in pairwise(self._legs):
            at_mark = [c for c in cohort if self._rung(c) == mark]
            undecided = [c for c in at_mark if not self._decided(c)]
            await self.journal.append(*(self._decision(c) for c in undecided))
            await asyncio.gather(*(self._leg(c, until) for c in at_mark if self._rung(c) == mark))

    async def _leg(self, candidate: Candidate, until: int | None) -> None:
        purpose, subject, seed = self._key(candidate)
        await self.trainings.report(
            purpose,
            subject,
            seed,
            spec_of(candidate),
            priority=lambda: self._priority(candidate),
            admit=lambda: self._admit(candidate),
            until=until,
        )

    @property
    def _legs(self) -> tuple[int | None, ...]:
        return legs(self.spec, self.recipe)

    async def _admit(self, candidate: Candidate) -> bool:
        """Whether a candidate gets the slot that is free; where it waits at a mark, this is decided now, once."""
        if self.halted():
            return False
        if self._rung(candidate) and not self._decided(candidate):
            await self.journal.append(self._decision(candidate))
        return self._key(candidate) not in self.journal.run.reports

    def _decision(self, candidate: Candidate) -> Raced:
        found = self._chances()
        chance, even = found[candidate.id], min(1.0, places(self.spec, self.recipe) / len(found))
        goes_on = chance >= self.recipe.race.least_share * even
        return Raced(candidate=candidate.id, rung=self._rung(candidate), goes_on=goes_on, chance=chance)

    def _decided(self, candidate: Candidate) -> bool:
        raced = self.journal.run.raced.get(candidate.id)
        return raced is not None and raced.rung == self._rung(candidate)

    def _priority(self, candidate: Candidate) -> tuple[float, ...]:
        """By generation; in it what never ran first, then the best chance, last what the archive speaks against."""
        if not self._rung(candidate):
            doubtful = candidate.judgement is not None and candidate.judgement.doubtful
            return (SEARCH, candidate.generation, _DOUBTFUL if doubtful else _FRESH, candidate.slot)
        return (SEARCH, candidate.generation, _WAITING, -self._chances()[candidate.id])

    def _chances(self) -> dict[str, float]:
        """Of each candidate that may still lead, to end among the leaders."""
        run = self.journal.run
        if self._known[0] != run.last_event:
            standings = {
                candidate.id: Standing(tuple(rung.mean for rung in report.rungs), ended=key not in run.paused)
                for candidate, key in ((c, self._key(c)) for c in run.candidates.values())
                if (report := run.search_report(candidate)) and report.rungs and not report.failure
                if not candidate.twin and (key in run.paused or not run.stopped(candidate))
            }
            few = places(self.spec, self.recipe)
            self._known = (run.last_event, chances(standings, self.spec.budget.rungs, places=few))
        return self._known[1]

    def _rung(self, candidate: Candidate) -> int:
        """Rungs at which a paused candidate was scored; 0 for one that is not paused."""
        paused = self.journal.run.paused.get(self._key(candidate))
        return len(paused.rungs) if paused else 0

    def _key(self, candidate: Candidate) -> Key:
        return ("search", candidate.id, search_seed(self.spec))
