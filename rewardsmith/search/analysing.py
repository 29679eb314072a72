"""Analyse: before a generation is asked for, a trajectory analyser reads what its parents' agents did."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from rewardsmith.domain.analysis import Analysis
from rewardsmith.domain.events import Analysed
from rewardsmith.domain.prompt import Completion, CompletionKey, Request, Turn
from rewardsmith.domain.recipe import Recipe
from rewardsmith.errors import StoreError
from rewardsmith.prompting.answers import CALLS
from rewardsmith.prompting.findings import compose_analysis, compose_analysis_again, read_analysis, taken_as_it_is
from rewardsmith.prompting.trajectories import Episode, Trajectories, trajectories
from rewardsmith.search.archive import Archived, read_archive
from rewardsmith.search.asking import Asking
from rewardsmith.search.composing import Composing
from rewardsmith.search.parentage import Parentage
from rewardsmith.search.selection import search_seed
from rewardsmith.store.artifacts import RunFolder


@dataclass(frozen=True)
class _Ask:
    """A call about one parent."""

    request: Request
    parent: str
    told: Trajectories


@dataclass(frozen=True)
class Analysing:
    """The trajectory analyser of one run; without episodes it is never asked."""

    recipe: Recipe
    composing: Composing
    asking: Asking
    folder: RunFolder

    async def generation(self, generation: int, parentage: Parentage) -> None:
        """Have each parent of a generation analysed, once in a run, and written down.

        A parent whose archive cannot be read is skipped, for good: what is written down says so.

        Raises:
            ModelUnavailable: An analysis could not be had; those before it are written down.
        """
        if not self.recipe.analyse.episodes:
            return
        analyses = self.asking.journal.run.analyses
        asks = []
        for place, turn in enumerate(parentage.parents()):
            name = turn.candidate.id
            if name in analyses:
                continue
            told = await asyncio.to_thread(self._told, turn)
            if told is None:
                skipped = Analysis(without="its archived episodes cannot be read")
                await self._append(generation, name, skipped)
                continue
            context = self.composing.context(generation, (turn,), parentage)
            key = CompletionKey(generation=generation, role="analyser", slot=place)
            messages = compose_analysis(self.recipe, context, told)
            asks.append(_Ask(self.asking.request(key, messages, context), name, told))
        while asks:
            asks = await self._round(generation, asks)

    async def _round(self, generation: int, asks: Sequence[_Ask]) -> list[_Ask]:
        """Ask all at once, go on in order; gives those to be asked once more."""
        further = []
        async with self.asking.together([ask.request for ask in asks]) as tasks:
            for ask, task in zip(asks, tasks, strict=True):
                answer = await task
                found = read_analysis(answer.text, ask.told)
                if found is None and ask.request.key.call < CALLS - 1:
                    further.append(self._again(ask, answer))
                else:
                    await self._append(generation, ask.parent, found or taken_as_it_is(answer.text))
        return further

    def _again(self, ask: _Ask, answer: Completion) -> _Ask:
        request = ask.request
        key = request.key.model_copy(update={"call": request.key.call + 1})
        messages = compose_analysis_again(request.messages, answer.text)
        return _Ask(self.asking.request(key, messages, request.context), ask.parent, ask.told)

    async def _append(self, generation: int, parent: str, analysis: Analysis) -> None:
        await self.asking.journal.append(Analysed(generation=generation, candidate=parent, analysis=analysis))

    def _told(self, turn: Turn) -> Trajectories | None:
        """What there is to see in a parent's training; None where its archive cannot be read."""
        run, survey, stage = self.asking.journal.run, self.composing.survey, self.recipe.analyse
        candidate, report = turn.candidate, turn.report
        attempt = run.finished.get(("search", candidate.twin or candidate.id, search_seed(self.composing.spec)))
        if attempt is None or report is None:
            return None
        try:
            archived = read_archive(self.folder.out(attempt), survey.signals)
        except StoreError:
            return None
        episodes = chosen(archived, stage.episodes, survey.horizon)
        return trajectories(report, survey, episodes, candidate.signals, rows=stage.rows)


def chosen(archived: Archived, count: int, horizon: int) -> list[Episode]:
    """The failed episodes that an analyser is shown, at most `count`, and the best one at the end.

    Those of the second half of training come first, since they tell what the agent still does wrong; among them those
    that ended before the horizon, then the lowest scores. A single episode counts as failed.
    """
    bounds = list(archived.rows.episodes())
    scores, trained = archived.scores, archived.steps
    late = max(trained) / 2
    best = max(range(len(scores)), key=lambda i: (scores[i], trained[i]))

    def failing(i: int) -> tuple[bool, bool, float]:
        ended = bool(archived.rows.arrays["terminated"][bounds[i].stop - 1])
        return trained[i] <= late, not (ended and bounds[i].stop - bounds[i].start < horizon), scores[i]

    failed = sorted((i for i in range(len(scores)) if i != best or len(scores) == 1), key=failing)[:count]
    shown = [(i, False) for i in sorted(failed)] + ([(best, True)] if best not in failed else [])
    arrays = archived.rows.arrays
    return [
        Episode({name: a[bounds[i]] for name, a in arrays.items()}, scores[i], trained[i], best=leads)
        for i, leads in shown
    ]
