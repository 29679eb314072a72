"""From a source to a candidate in its place: through the gates, before the judge, into folder and log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rewardsmith.domain.candidate import Answered, Candidate, Origin, candidate_id
from rewardsmith.domain.events import Screened
from rewardsmith.domain.judgement import Judgement
from rewardsmith.domain.prompt import Message
from rewardsmith.domain.report import Failure
from rewardsmith.domain.review import Review
from rewardsmith.screening.screen import Known, Screen, Verdict
from rewardsmith.search.journal import Journal
from rewardsmith.search.judging import Judge
from rewardsmith.store.artifacts import RunFolder


@dataclass(frozen=True)
class Placing:
    """Gives candidates of one run their places. Without a judge nothing is judged."""

    journal: Journal
    screen: Screen
    folder: RunFolder
    judge: Judge | None = None

    def present(self, generation: int, slot: int) -> bool:
        """Whether a slot has its candidate."""
        return candidate_id(generation, slot) in self.journal.run.candidates

    async def verdict(self, generation: int, slot: int, find: Callable[[], str]) -> Verdict:
        """What the gates say of a source; `find` gives it or raises RewardRejected."""
        own = candidate_id(generation, slot)
        seen = [
            Known(c.id, c.reward_id, c.source)
            for c in self.journal.run.candidates.values()
            if c.reward_id and c.source and not c.twin and not c.failure and c.id != own
        ]
        return await asyncio.to_thread(self.screen.judge, find, seen)

    async def judgement(self, generation: int, verdict: Verdict) -> Judgement | None:
        """What recorded episodes say of a reward that passed the gates."""
        if self.judge is None or not verdict.passed or verdict.source is None:
            return None
        return await self.judge.judge(self.journal.run, generation, verdict.source)

    async def place(
        self,
        generation: int,
        slot: int,
        origin: Origin,
        parents: tuple[str, ...],
        verdict: Verdict,
        judgement: Judgement | None,
        *,
        answer: str,
        author: str | None = None,
        messages: Sequence[Message] = (),
        repairs: tuple[Failure, ...] = (),
        reviews: tuple[Review, ...] = (),
        answered: Answered | None = None,
    ) -> Candidate:
        """Write a candidate down, for good.

        Args:
            generation: Turn of the loop.
            slot: Place in it.
            origin: How the reward came to be.
            parents: Candidates that it was made from.
            verdict: What the gates said.
            judgement: What recorded episodes said.
            answer: The completion, or how it was made without one; kept in the candidate's folder.
            author: Which of several models wrote it.
            messages: What the model was asked.
            repairs: Faults that repair calls answered.
            reviews: What the critic said of the slot's drafts.
            answered: The completion that `answer` is, where it is one.
        """
        analysis = verdict.analysis
        candidate = Candidate(
            generation=generation,
            slot=slot,
            origin=origin,
            author=author,
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
            reviews=reviews,
            answered=answered,
            judgement=judgement if verdict.passed else None,
        )
        await self.journal.patiently(lambda: self.folder.keep_candidate(candidate, messages, answer))
        await self.journal.append(Screened(candidate=candidate))
        return candidate
