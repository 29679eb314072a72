"""Every candidate of a run with the stage that it is at, and the trainings under way."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.job import Progress
from rewardsmith.domain.run import Run
from rewardsmith.reports.board import Board, Row
from rewardsmith.reports.happened import named
from rewardsmith.service.pages.pictures import small_curves


@dataclass(frozen=True)
class Card:
    """A place in the run."""

    row: Row
    candidate: Candidate | None
    """Absent while it is being written."""
    kind: str
    """`leads`, `failed`, `twin`, `stopped`, `works` (under way) or `plain`; how it looks."""
    share: float | None
    """Of its training that is done, 0 to 1, while it trains."""
    curve: Markup


@dataclass(frozen=True)
class Work:
    """A training under way."""

    name: str
    progress: Progress | None


def generations(run: Run, shown: Board, best: str | None) -> dict[int, list[Card]]:
    """The places of each generation, the newest generation first."""
    assert run.spec is not None
    found = {name: report for name, each in run.candidates.items() if (report := run.search_report(each))}
    curves = small_curves(found, run.spec.budget.steps)
    cards: dict[int, list[Card]] = {}
    for row in shown.rows:
        if row.generation:
            cards.setdefault(row.generation, []).append(_card(run, row, curves.get(row.name, Markup("")), best))
    return dict(sorted(cards.items(), reverse=True))


def _card(run: Run, row: Row, curve: Markup, best: str | None) -> Card:
    assert run.spec is not None
    candidate = run.candidates.get(row.name)
    moved = run.progress.get(("search", row.name, run.spec.seed))
    share = moved.steps / moved.of if moved else None
    return Card(row, candidate, _kind(run, row, candidate, best), share, curve)


def _kind(run: Run, row: Row, candidate: Candidate | None, best: str | None) -> str:
    if candidate is None or not row.settled:
        return "works"
    if candidate.twin:
        return "twin"
    if row.stage.startswith("failed"):
        return "failed"
    if row.name == best:
        return "leads"
    return "stopped" if run.stopped(candidate) else "plain"


def under_way(run: Run) -> list[Work]:
    """The trainings that run now, whatever for."""
    return [Work(named(attempt), run.progress.get(key)) for key, attempt in run.open.items()]
