"""All of one candidate, as its page shows it."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.report import Failure, Report, Rung
from rewardsmith.domain.result import Interval
from rewardsmith.domain.run import Run
from rewardsmith.domain.warning import RewardWarning
from rewardsmith.reports.code import coloured, marked, unified
from rewardsmith.reports.components import component_rows
from rewardsmith.reports.curves import component_figures, learning_curve
from rewardsmith.reports.drawing import Figure
from rewardsmith.reports.exchange import exchanged
from rewardsmith.reports.film import film_file
from rewardsmith.reports.judged import verdict
from rewardsmith.reports.outcomes import analysed, became, made, reviewed
from rewardsmith.search.statistics import interval
from rewardsmith.store.artifacts import RunFolder

MOST_SHOWN = 64 * 1024
"""Characters of a source, or of a diff, that are shown; the rest is in the files."""


@dataclass(frozen=True)
class Sheet:
    """One candidate."""

    candidate: Candidate
    made: str
    became: str
    over: Interval | None
    """The search's score over its held-out episodes."""
    code: Markup
    """Coloured, with the line marked that it failed at."""
    cut: bool
    """Whether there is more code than is shown."""
    failure: Failure | None
    diffs: dict[str, Markup]
    """What changed since each parent."""
    report: Report | None
    curve: Figure | None
    components: list[Figure]
    numbers: list[list[str]]
    """A row for each component."""
    rungs: list[tuple[Rung, Interval | None]]
    warnings: tuple[RewardWarning, ...]
    judgement: str
    reviews: list[str]
    analysis: list[str]
    prompt: str
    answer: str
    filmed: bool
    before: str | None
    """The candidate before it in the run."""
    after: str | None


def sheet(run: Run, candidate: Candidate, folder: RunFolder) -> Sheet:
    """The sheet of a candidate."""
    report = run.search_report(candidate)
    failure = run.failure_of(candidate)
    prompt, answer = exchanged(folder, candidate)
    source = candidate.source or ""
    order = [turn.candidate.id for turn in run.turns()]
    place = order.index(candidate.id)
    return Sheet(
        candidate=candidate,
        made=made(candidate),
        became=became(run, candidate),
        over=interval(report.scored.scores, run.rule) if report and report.scored and not report.failure else None,
        code=coloured(source[:MOST_SHOWN], failure.line if failure else None),
        cut=len(source) > MOST_SHOWN,
        failure=failure,
        diffs={name: marked(diff) for name, diff in _diffs(run, candidate) if diff},
        report=report,
        curve=learning_curve(run, candidate),
        components=component_figures(report) if report else [],
        numbers=component_rows(report) if report else [],
        rungs=[(rung, interval(rung.scores, run.rule)) for rung in report.rungs] if report else [],
        warnings=run.warned(candidate),
        judgement=verdict(candidate.judgement) if candidate.judgement else "",
        reviews=reviewed(candidate),
        analysis=analysed(run.analyses[candidate.id]) if candidate.id in run.analyses else [],
        prompt=prompt,
        answer=answer,
        filmed=film_file(folder, candidate.id) is not None,
        before=order[place - 1] if place else None,
        after=order[place + 1] if place + 1 < len(order) else None,
    )


def _diffs(run: Run, candidate: Candidate) -> list[tuple[str, str]]:
    return [
        (name, unified(run, parent, candidate)[:MOST_SHOWN])
        for name in candidate.parents
        if (parent := run.candidates.get(name)) and parent is not candidate
    ]
