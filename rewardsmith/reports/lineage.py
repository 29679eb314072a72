"""Who was made from whom, drawn as a tree from left to right and coloured by score."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.result import RunResult
from rewardsmith.domain.run import Run
from rewardsmith.reports.drawing import Figure, Point, svg, tag
from rewardsmith.reports.outcomes import ancestors, became, value
from rewardsmith.reports.words import score

_COLUMN, _ROW, _MARGIN, _LABEL = 148.0, 22.0, 12.0, 112.0
_SHADES = 7


def lineage(run: Run, result: RunResult, link: str = "#{}") -> Figure | None:
    """The tree of all candidates, with the way to the winner; `link` with a candidate's id is where each leads."""
    if not run.candidates:
        return None
    places = _places(run)
    values = [found for each in run.candidates.values() if (found := value(run, each)) is not None]
    best = result.best.candidate if result.best else None
    way = {each.id for each in ancestors(run, run.candidates[best])} if best else set()
    edges = [
        _edge(places[parent], places[each.id], on_way=each.id in way and parent in way)
        for each in run.candidates.values()
        for parent in each.parents
        if parent in places
    ]
    nodes = [
        tag("a", *_node(run, each, places[each.id], values, winner=each.id == best), href=link.format(each.id))
        for each in run.candidates.values()
    ]
    generations = sorted({each.generation for each in run.candidates.values()})
    heads = [
        tag("text", f"generation {number}", class_="axis", x=_MARGIN + column * _COLUMN - 6, y=14)
        for column, number in enumerate(generations)
    ]
    width = _MARGIN + len(generations) * _COLUMN
    height = max(y for _, y in places.values()) + _ROW
    drawn = [*heads, *sorted(edges, key=lambda edge: "edge way" in edge), *nodes]
    size = f"min-width: {0.8 * width:.0f}px; max-width: {1.15 * width:.0f}px"
    picture = svg(width, height, "Lineage", *drawn, role="group", style=size)
    return Figure("Lineage", picture, _legend(values))


def _places(run: Run) -> dict[str, Point]:
    """Where each candidate stands: a column for each generation, in it near to its parents."""
    places: dict[str, Point] = {}
    for column, generation in enumerate(sorted({each.generation for each in run.candidates.values()})):
        members = [each for each in run.candidates.values() if each.generation == generation]
        members.sort(key=lambda each: (_height(places, each), each.slot))
        for row, each in enumerate(members):
            places[each.id] = (_MARGIN + column * _COLUMN, 36 + row * _ROW)
    return places


def _height(places: dict[str, Point], candidate: Candidate) -> float:
    above = [places[parent][1] for parent in candidate.parents if parent in places]
    return sum(above) / len(above) if above else 0.0


def _edge(parent: Point, child: Point, *, on_way: bool) -> Markup:
    (x, y), (to, down) = (parent[0] + _LABEL, parent[1]), (child[0] - 6, child[1])
    bend = (x + to) / 2
    path = f"M{x:.1f},{y:.1f}C{bend:.1f},{y:.1f} {bend:.1f},{down:.1f} {to:.1f},{down:.1f}"
    return tag("path", class_="edge way" if on_way else "edge", d=path)


def _node(run: Run, candidate: Candidate, place: Point, values: Sequence[float], *, winner: bool) -> list[Markup]:
    x, y = place
    found = value(run, candidate)
    shape = {"class_": f"node {_kind(run, candidate)} {_shade(found, values)}" + (" winner" if winner else "")}
    if run.stopped(candidate):
        mark = tag("rect", x=x - 5, y=y - 5, width=10, height=10, **shape)
    elif found is None and candidate.twin is None:
        mark = tag("path", d=f"M{x - 4:.1f},{y - 4:.1f}l8,8m0,-8l-8,8", **shape)
    else:
        mark = tag("circle", cx=x, cy=y, r=5.5, **shape)
    text = candidate.id + (f" {score(found)}" if found is not None else "")
    label = tag("text", text, class_="label winner" if winner else "label", x=x + 10, y=y + 4)
    title = tag("title", f"{candidate.id}, {candidate.origin}: {became(run, candidate)}")
    return [title, mark, label]


def _kind(run: Run, candidate: Candidate) -> str:
    if candidate.twin:
        return "twin"
    return "failed" if run.failure_of(candidate) else "fine"


def _shade(found: float | None, values: Sequence[float]) -> str:
    """The class of a colour, from `shade0` for the least score to `shade6` for the greatest."""
    if found is None:
        return ""
    low, high = min(values), max(values)
    share = (found - low) / (high - low) if high > low else 1.0
    return f"shade{min(int(share * _SHADES), _SHADES - 1)}"


def _legend(values: Sequence[float]) -> str:
    said = "Square: stopped early. Cross: failed, or not trained yet. Dashed: a duplicate. Thick line: the winner's."
    if not values:
        return said
    return f"Colour: the search's score, from {score(min(values))} (pale) to {score(max(values))} (strong). {said}"
