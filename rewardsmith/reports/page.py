"""A run as one HTML page that needs nothing else: no script, no request, and what others wrote only as text."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from jinja2 import Template
from markupsafe import Markup

from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.report import Failure
from rewardsmith.domain.result import RunResult
from rewardsmith.domain.run import Run
from rewardsmith.domain.survey import Survey
from rewardsmith.domain.warning import RewardWarning
from rewardsmith.reports.authors import AUTHORS, author_rows
from rewardsmith.reports.code import changes, coloured, marked
from rewardsmith.reports.costs import asides, cost_rows, shares
from rewardsmith.reports.curves import best_so_far, component_figures, leaders, learning_curves
from rewardsmith.reports.drawing import Figure
from rewardsmith.reports.exchange import exchanged
from rewardsmith.reports.film import film_data, film_file
from rewardsmith.reports.judged import ASKED, JUDGED, judged_rows, verdict, worth
from rewardsmith.reports.lineage import lineage
from rewardsmith.reports.outcomes import analysed, became, failures, made, reviewed, value
from rewardsmith.reports.remarks import remarks
from rewardsmith.reports.scores import beats, score_rows
from rewardsmith.reports.standing import standing
from rewardsmith.reports.templating import TEMPLATES, environment
from rewardsmith.search.statistics import CLIPPED
from rewardsmith.store.artifacts import RunFolder


@dataclass(frozen=True)
class Sheet:
    """One candidate on the page."""

    candidate: Candidate
    made: str
    became: str
    score: float | None
    steps: int | None
    """Steps that it was trained for; absent where it was not."""
    diff: Markup
    """What changed since its parent; empty where there is none."""
    failures: tuple[tuple[Failure, str, bool], ...]
    """What went wrong, the line of the source, and whether a repair answered it."""
    warnings: tuple[RewardWarning, ...]
    judgement: str
    """What the archive said of it; empty where it was not asked."""
    reviews: list[str]
    """What the critic said of the slot's drafts, a line each."""
    analysis: list[str]
    """What the trajectory analyser read in its training, a line each."""
    prompt: str
    answer: str
    asked_as: str
    """An earlier candidate with the same prompt, whose sheet shows it; empty where there is none."""


def page(run: Run, result: RunResult, survey: Survey | None, folder: RunFolder) -> str:
    """The page.

    Args:
        run: The run, folded from its events; it may be unfinished, or have no candidate at all.
        result: Its result, with the intervals.
        survey: Its survey, where it is at hand.
        folder: Where prompts and answers lie; what is missing there is said.
    """
    spec = run.spec
    assert spec is not None
    led = leaders(run, result)
    film = film_file(folder, result.best.candidate) if result.best else None
    drawn = [standing(run, result), best_so_far(run, result), learning_curves(run, result)]
    return _template().render(
        run=run,
        spec=spec,
        result=result,
        figures=[figure for figure in drawn if figure],
        tree=lineage(run, result),
        film=film,
        film_data=film_data(film) if film else "",
        rows=score_rows(result, sparse_kind=survey.sparse_kind if survey else None),
        verdict=beats(result),
        clipped=CLIPPED,
        leaders=led,
        components={each.id: _components(run, each) for each in led},
        code={each.id: coloured(each.source) for each in led if each.source},
        costs=cost_rows(run),
        shares=shares(run),
        asides=asides(run),
        authors=[AUTHORS, *author_rows(run)],
        asked=ASKED,
        worth=worth(result.archive) if result.archive else [],
        remarks=remarks(run),
        judged=[JUDGED, *judged_rows(run)],
        sheets=_sheets(run, folder),
    )


def _components(run: Run, candidate: Candidate) -> list[Figure]:
    report = run.search_report(candidate)
    return component_figures(report) if report else []


def _sheets(run: Run, folder: RunFolder) -> list[Sheet]:
    asked: dict[str, str] = {}
    wrong = failures(run)
    sheets = []
    for turn in run.turns():
        each = turn.candidate
        prompt, answer = exchanged(folder, each)
        sheets.append(
            Sheet(
                candidate=each,
                made=made(each),
                became=became(run, each),
                score=value(run, each),
                steps=turn.report.steps if turn.report and not each.twin else None,
                diff=marked(changes(run, each)),
                failures=tuple(
                    (what, _line(each, what, repaired), repaired) for who, what, repaired in wrong if who is each
                ),
                warnings=turn.warnings,
                judgement=verdict(each.judgement) if each.judgement else "",
                reviews=reviewed(each),
                analysis=analysed(run.analyses[each.id]) if each.id in run.analyses else [],
                prompt="" if prompt in asked else prompt,
                answer=answer,
                asked_as=asked.get(prompt, ""),
            )
        )
        if prompt:
            asked.setdefault(prompt, each.id)
    return sheets


def _line(candidate: Candidate, failure: Failure, repaired: bool) -> str:
    """The line that a failure is about; of a repaired one the source is gone."""
    lines = (candidate.source or "").splitlines()
    known = failure.line is not None and not repaired and 0 < failure.line <= len(lines)
    return lines[failure.line - 1].strip() if known and failure.line else ""


@functools.cache
def _template() -> Template:
    return environment(TEMPLATES).get_template("report.html.j2")
