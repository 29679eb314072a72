"""What stands in a slot before its candidate does: calls of the model, and the drafts that they come to."""

from __future__ import annotations

from dataclasses import dataclass

from rewardsmith.domain.judgement import Judgement
from rewardsmith.domain.prompt import Completion, Request
from rewardsmith.domain.report import Failure
from rewardsmith.domain.review import Review
from rewardsmith.screening.screen import Verdict


@dataclass(frozen=True)
class Ask:
    """A call of the model for one slot."""

    request: Request
    about: Draft | None = None
    """The draft that it is to repair, to review or to revise; absent for the first call."""
    repairs: tuple[Failure, ...] = ()
    """Faults that repairs of this draft answer, this one's among them, oldest first."""


@dataclass(frozen=True)
class Draft:
    """What a call came to, on its way to a candidate."""

    ask: Ask
    completion: Completion
    verdict: Verdict
    judgement: Judgement | None = None
    reviews: tuple[Review, ...] = ()
    """What the critic has said so far in this slot, oldest first."""

    @property
    def fault(self) -> Failure | None:
        """What a repair call is told."""
        return self.verdict.failure or (self.judgement.doubt if self.judgement else None)

    @property
    def round(self) -> int:
        """Reviews that it was written after."""
        return len(self.ask.about.reviews) if self.ask.about else 0

    @property
    def line(self) -> list[Draft]:
        """It and all that stood in its slot before, the latest first."""
        drafts = [self]
        while (before := drafts[-1].ask.about) is not None:
            drafts.append(before)
        return drafts

    def best(self) -> Draft:
        """Of its line the one to train: one in doubt may be better than what was to mend it.

        What may train goes before what may not, the latest revision before what it revised, what nothing speaks
        against before the rest, and what ranks better first.
        """
        return max(self.line, key=Draft._worth)

    def _worth(self) -> tuple[bool, int, bool, float]:
        ranks = self.judgement.correlation if self.judgement else None
        passed = self.verdict.passed
        return passed, self.round if passed else 0, self.fault is None, ranks or 0.0
