"""A line of the table of runs."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from rewardsmith.domain.prompt import Usage
from rewardsmith.domain.result import Interval, RunSummary
from rewardsmith.domain.run import Run
from rewardsmith.reports.board import board
from rewardsmith.reports.curves import climb
from rewardsmith.search.statistics import interval
from rewardsmith.service.pages.pictures import small_climb


@dataclass(frozen=True)
class Line:
    """A run in a line."""

    summary: RunSummary
    title: str
    unit: str
    best: Interval | None
    """The confirmed score over seeds; before that the best of the search over its episodes."""
    candidate: str | None
    """Whose score that is."""
    confirmed: bool
    curve: Markup
    done: float
    """Share of the expected trainings, 0 to 1."""
    usage: Usage
    started: float
    """Seconds since 1970."""


def line(summary: RunSummary, run: Run) -> Line:
    """The line of a run."""
    assert run.spec is not None
    candidate, best = _best(run)
    return Line(
        summary=summary,
        title=run.spec.task.title,
        unit=run.spec.task.score.unit,
        best=best,
        candidate=candidate,
        confirmed=run.confirmed is not None,
        curve=small_climb(run),
        done=1.0 if summary.status == "done" else board(run).done,
        usage=run.usage(),
        started=run.started,
    )


def _best(run: Run) -> tuple[str | None, Interval | None]:
    if run.confirmed:
        return run.confirmed.winner, interval(run.scores("confirm", run.confirmed.winner), run.rule)
    leading = [end for end in climb(run) if end.leads]
    return (leading[-1].candidate.id, leading[-1].over) if leading else (None, None)
