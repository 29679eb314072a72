"""Small curves, and what the large one is drawn from in the browser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from rewardsmith.domain.report import Report
from rewardsmith.domain.result import Interval, RunResult
from rewardsmith.domain.run import Run
from rewardsmith.reports.curves import End, climb, spent_by_search, unit
from rewardsmith.reports.drawing import Axes, Figure, Point, span, svg
from rewardsmith.reports.words import interval

_LEVELS = ("human", "sparse", "random")


def stairs(ends: Sequence[End], spent: int) -> list[Point]:
    """The best so far over the steps of the search, with its steps upright."""
    found: list[Point] = []
    for each in ends:
        if each.leads:
            found += [(each.spent, found[-1][1])] if found else []
            found.append((each.spent, each.score))
    return [*found, (spent, found[-1][1])] if found else []


def small_climb(run: Run) -> Markup:
    """The best so far of a run, small enough for a line of a table; empty before anything was scored."""
    points = stairs(climb(run), spent_by_search(run))
    if not points:
        return Markup("")
    axes = _axes(points[-1][0], [y for _, y in points], width=112, height=30)
    return svg(112, 30, "best so far", axes.line(points, "winner", "best so far"), class_="spark")


def small_curves(reports: dict[str, Report], steps: int) -> dict[str, Markup]:
    """The learning curve of each candidate, small, all on one scale; `steps` is the length of a whole training."""
    points = {name: [(rung.steps, rung.mean) for rung in report.rungs] for name, report in reports.items()}
    values = [y for found in points.values() for _, y in found]
    drawn = {}
    for name, found in points.items():
        if found:
            axes = _axes(steps, values, width=168, height=52)
            end = axes.dot(found[-1], "winner", f"{found[-1][1]:.4g}", radius=2.5)
            label = f"learning curve of {name}"
            drawn[name] = svg(168, 52, label, axes.line(found, "winner", label), end, class_="spark")
    return drawn


def _axes(x: float, values: Sequence[float], *, width: float, height: float) -> Axes:
    return Axes(
        x=(0, max(x, 1)), y=span(values, room=0.1), width=width, height=height, left=2, right=4, top=3, bottom=3
    )


def together(title: str, x_label: str, y_label: str, *curves: tuple[str, Sequence[Point]]) -> Figure | None:
    """Up to two named curves on one scale; None where there is no point at all."""
    found = [
        (name, points, kind) for (name, points), kind in zip(curves, ("confirmed", "human"), strict=False) if points
    ]
    if not found:
        return None
    everything = [point for _, points, _ in found for point in points]
    axes = Axes(x=(0, max(x for x, _ in everything) or 1), y=span(y for _, y in everything), width=640, right=150)
    names = axes.names((points[-1][1], name[:18], kind) for name, points, kind in found)
    drawn = [axes.line(points, kind, name) for name, points, kind in found]
    return Figure(title, axes.picture(title, x_label, y_label, *drawn, around=names))


def chart(run: Run, result: RunResult, place: str) -> dict[str, Any] | None:
    """The best so far as the browser draws it; None before anything was scored.

    Columns of equal length over `x`, the steps of the search: `best` with `low` and `high`, the 95 % interval over the
    held-out episodes of that candidate's one training; `candidates`, each at its end. `levels` stand across. `links`
    lead to the candidate of a column; `place` is the run's page.
    """
    ends, spent = climb(run), spent_by_search(run)
    if not ends:
        return None
    columns: dict[str, list[Any]] = {name: [None] for name in ("best", "low", "high", "candidates", "stopped", "names")}
    best: Interval | None = None
    for each in ends:
        best = each.over if each.leads else best
        columns["candidates"].append(None if each.stopped else each.score)
        columns["stopped"].append(each.score if each.stopped else None)
        columns["names"].append(each.candidate.id)
        _stand(columns, best)
    for name in ("candidates", "stopped", "names"):
        columns[name].append(None)
    _stand(columns, best)
    said = f"Best so far after {len(ends)} trainings: {interval(best)}" if best else "No training has ended yet"
    return {
        "x": [0, *(each.spent for each in ends), spent * 1.02],
        **columns,
        "levels": _levels(result),
        "unit": unit(run),
        "place": f"{place}/candidates/",
        "said": said,
    }


def _stand(columns: dict[str, list[Any]], best: Interval | None) -> None:
    columns["best"].append(best.mean if best else None)
    columns["low"].append(best.low if best else None)
    columns["high"].append(best.high if best else None)


def _levels(result: RunResult) -> list[dict[str, Any]]:
    confirmed = result.best.score if result.best else None
    found = [("confirmed", confirmed), *((name, getattr(result.baselines, name)) for name in _LEVELS)]
    return [{"name": name, **over.model_dump()} for name, over in found if over]
