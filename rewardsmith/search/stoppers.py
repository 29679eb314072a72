"""When to stop searching before the last generation. Confirmation still follows, except after an interruption."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from rewardsmith.domain.plan import StopSpec
from rewardsmith.domain.run import Run
from rewardsmith.search.selection import best


class Stopper(Protocol):
    """Says whether the search has had enough."""

    def reason(self, run: Run) -> str | None:
        """Why to stop, in a line; None to go on."""
        ...


@dataclass(frozen=True)
class WallTime:
    """Stops after so many seconds of driven wall time."""

    seconds: float

    def reason(self, run: Run) -> str | None:
        """See Stopper."""
        return f"{run.wall_s:.0f} s of wall time used of {self.seconds:.0f} s" if run.wall_s >= self.seconds else None


@dataclass(frozen=True)
class Dollars:
    """Stops when so much money is spent."""

    limit: float

    def reason(self, run: Run) -> str | None:
        """See Stopper."""
        spent = run.usage().dollars
        return f"${spent:.2f} spent of ${self.limit:.2f}" if spent >= self.limit else None


@dataclass(frozen=True)
class TargetScore:
    """Stops when the search's best reaches a score."""

    target: float

    def reason(self, run: Run) -> str | None:
        """See Stopper."""
        found = best(run.turns())
        if found is None or found.score is None or found.score < self.target:
            return None
        return f"{found.candidate.id} scored {found.score:.4g}, the target is {self.target:.4g}"


@dataclass(frozen=True)
class NoImprovement:
    """Stops when the best has stood for so many generations."""

    generations: int

    def reason(self, run: Run) -> str | None:
        """See Stopper."""
        ended = sorted(run.generations)
        if len(ended) <= self.generations:
            return None
        now = run.generations[ended[-1]].best_overall
        before = run.generations[ended[-1 - self.generations]].best_overall
        if now is None or now != before:
            return None
        return f"{now} has been the best for {self.generations} generations"


@dataclass(frozen=True)
class StopFile:
    """Stops when a file exists."""

    path: str
    exists: Callable[[str], bool]

    def reason(self, run: Run) -> str | None:
        """See Stopper."""
        del run
        return f"the stop file {self.path} exists" if self.exists(self.path) else None


def stoppers(spec: StopSpec, *, exists: Callable[[str], bool]) -> list[Stopper]:
    """The stoppers that were asked for; `exists` tells whether a file is there."""
    found: list[Stopper] = []
    if spec.wall_s is not None:
        found.append(WallTime(spec.wall_s))
    if spec.dollars is not None:
        found.append(Dollars(spec.dollars))
    if spec.target is not None:
        found.append(TargetScore(spec.target))
    if spec.stale is not None:
        found.append(NoImprovement(spec.stale))
    if spec.file is not None:
        found.append(StopFile(spec.file, exists))
    return found


def first_reason(asked: Sequence[Stopper], run: Run) -> str | None:
    """The first stopper's reason, if any has one."""
    return next((reason for stopper in asked if (reason := stopper.reason(run))), None)
