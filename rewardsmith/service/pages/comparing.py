"""The page where two runs, or two candidates, stand side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from markupsafe import Markup
from starlette.responses import Response

from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.key import Caller
from rewardsmith.domain.result import RunResult
from rewardsmith.domain.run import Run
from rewardsmith.reports.code import difference, marked
from rewardsmith.reports.curves import climb, component_figures, spent_by_search, unit
from rewardsmith.reports.drawing import Figure, Point
from rewardsmith.reports.outcomes import became, made, value
from rewardsmith.reports.standing import standing
from rewardsmith.reports.words import ABSENT, count, counted, duration, interval, number, score, spent
from rewardsmith.search.chosen import find_candidate
from rewardsmith.search.statistics import interval as interval_of
from rewardsmith.service.asked import TheCaller, TheDesk
from rewardsmith.service.desk import Desk
from rewardsmith.service.pages.pictures import stairs, together
from rewardsmith.service.pages.rendering import PageRoute, show
from rewardsmith.service.pages.sheet import MOST_SHOWN

routes = APIRouter(route_class=PageRoute, include_in_schema=False)

_OFFERED = 100
_Candidate = Annotated[str, Query(pattern=r"^(g[0-9]{1,6}c[0-9]{2,6})?$")]


@dataclass(frozen=True)
class Side:
    """One of the two."""

    run: Run
    result: RunResult
    candidate: Candidate | None
    """Absent where the whole run is compared."""

    @property
    def name(self) -> str:
        """How it is called: a candidate by its id, a run by its name."""
        return self.candidate.id if self.candidate else self.result.run

    @property
    def place(self) -> str:
        """Its page."""
        return f"/runs/{self.result.run}" + (f"/candidates/{self.candidate.id}" if self.candidate else "")

    @property
    def best(self) -> Candidate | None:
        """The candidate itself, or the one that the run stands by."""
        return self.candidate or (self.run.candidates[self.result.best.candidate] if self.result.best else None)


@routes.get("/compare")
def compare(
    desk: TheDesk,
    caller: TheCaller,
    run: Annotated[list[str] | None, Query(max_length=50)] = None,
    a: _Candidate = "",
    b: _Candidate = "",
) -> Response:
    """Two runs; or two candidates `a` and `b`, of one run or of two."""
    names = [name for name in run or [] if name][:2]
    sides: list[Side] = []
    if len(names) == 2 and bool(a) == bool(b):
        sides = [_side(desk, caller, name, candidate) for name, candidate in zip(names, (a, b), strict=True)]
    known = [_side(desk, caller, name, "") for name in names]
    return show(
        "compare",
        offered=[line.run for line in desk.page(caller, None, None, _OFFERED)],
        names=names,
        known=known,
        a=a,
        b=b,
        sides=sides,
        rows=_rows(*sides) if sides else [],
        curves=_curves(*sides) if sides else None,
        pictures=[_pictures(side) for side in sides],
        diff=_diff(*sides) if sides else Markup(""),
        apart=len({side.result.task for side in sides}) > 1,
    )


def _side(desk: Desk, caller: Caller, name: str, candidate: str) -> Side:
    desk.find(name, caller)
    told = desk.workshop.run(name)
    return Side(told, desk.workshop.result(name), find_candidate(told, candidate) if candidate else None)


def _rows(left: Side, right: Side) -> list[tuple[str, str, str]]:
    """What is said of both: the name of it, then each side's."""
    return [(name, one, other) for (name, one), (_, other) in zip(_facts(left), _facts(right), strict=True)]


def _facts(side: Side) -> list[tuple[str, str]]:
    return _of_candidate(side.run, side.candidate) if side.candidate else _of_run(side)


def _of_run(side: Side) -> list[tuple[str, str]]:
    spec, found = side.run.spec, side.result
    assert spec is not None
    return [
        ("confirmed score", interval(found.best.score if found.best else None)),
        ("search maximum", score(found.best.search_max if found.best else None)),
        ("best candidate", found.best.candidate if found.best else ABSENT),
        ("status", found.status),
        ("trainings", str(found.usage.trainings)),
        ("steps", count(found.usage.steps)),
        ("money", spent(found.usage)),
        ("wall time", duration(found.usage.wall_s)),
        ("task", spec.task.title),
        ("method", spec.recipe),
        ("model", spec.model),
        ("search", f"{counted(spec.iterations, 'generation')} of {counted(spec.k, 'candidate')}"),
        ("budget", f"{spec.budget_name}, {count(spec.budget.steps)} steps per training"),
        ("seed", str(spec.seed)),
    ]


def _of_candidate(run: Run, candidate: Candidate) -> list[tuple[str, str]]:
    report = run.search_report(candidate)
    scored = report.scored if report and not report.failure else None
    return [
        ("score in the search", interval(interval_of(scored.scores, run.rule) if scored else None)),
        ("what became of it", became(run, candidate)),
        ("origin", made(candidate)),
        ("parents", ", ".join(candidate.parents) or ABSENT),
        ("steps", count(report.steps) if report else ABSENT),
        ("signals", ", ".join(candidate.signals) or ABSENT),
        ("components", ", ".join(candidate.components) or ABSENT),
        ("parameters", ", ".join(f"{name} = {number(each)}" for name, each in candidate.parameters.items()) or ABSENT),
    ]


def _curves(left: Side, right: Side) -> Figure | None:
    if left.candidate and right.candidate:
        steps, title = "environment steps of one training", "Learning curves"
    else:
        steps, title = "environment steps of the search, scoring included", "Best so far"
    return together(title, steps, unit(left.run), *((side.name, _points(side)) for side in (left, right)))


def _points(side: Side) -> list[Point]:
    if side.candidate is None:
        return stairs(climb(side.run), spent_by_search(side.run))
    report = side.run.search_report(side.candidate)
    return [(rung.steps, rung.mean) for rung in report.rungs] if report else []


def _pictures(side: Side) -> list[Figure]:
    """The components of a candidate, or how the run's winner stands beside what it should beat."""
    if side.candidate is None:
        figure = standing(side.run, side.result)
        return [figure] if figure else []
    report = side.run.search_report(side.candidate)
    return component_figures(report) if report else []


def _diff(left: Side, right: Side) -> Markup:
    old, new = left.best, right.best
    if old is None or new is None:
        return Markup("")
    names = [
        f"{each.id} of {side.result.run}  score {score(value(side.run, each))}"
        for side, each in ((left, old), (right, new))
    ]
    return marked(difference(old.source, new.source, *names)[:MOST_SHOWN])
