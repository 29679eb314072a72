"""The winner's score beside everything that it should beat, as a picture: seeds as dots, means with intervals."""

from __future__ import annotations

from markupsafe import Markup

from rewardsmith.domain.result import Interval, RunResult
from rewardsmith.domain.run import Run
from rewardsmith.reports.drawing import Figure, span, svg, tag, ticks
from rewardsmith.reports.words import interval, score

_WIDTH, _LEFT, _RIGHT, _ROW = 520.0, 108.0, 20.0, 34.0


def standing(run: Run, result: RunResult) -> Figure | None:
    """One row each: confirmed, search maximum, human, sparse, random."""
    best = result.best
    rows: list[tuple[str, str, Interval | None, list[float]]] = []
    if best:
        rows.append(("confirmed", "confirmed", best.score, run.scores("confirm", best.candidate)))
        if best.search_max is not None:
            top = Interval(mean=best.search_max, low=None, high=None, n=1)
            rows.append(("search max.", "winner", top, []))
    for name in ("human", "sparse", "random"):
        rows.append((name, name, getattr(result.baselines, name), run.scores("baseline", name)))
    rows = [row for row in rows if row[2] is not None]
    if not rows:
        return None
    ends = [end for _, _, over, _ in rows if over for end in (over.mean, over.low, over.high) if end is not None]
    low, high = span([*ends, *(each for row in rows for each in row[3])])
    bottom = 8 + _ROW * len(rows)

    def across(found: float) -> float:
        return _LEFT + (found - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    drawn: list[Markup] = []
    for at in ticks(low, high, most=6):
        drawn.append(tag("line", class_="grid", x1=across(at), x2=across(at), y1=4, y2=bottom))
        drawn.append(tag("text", f"{at:.6g}", class_="tick", x=across(at), y=bottom + 16, text_anchor="middle"))
    for index, (name, kind, over, seeds) in enumerate(rows):
        assert over is not None
        y = 8 + _ROW * (index + 0.5)
        drawn.append(tag("text", name, class_=f"name {kind}", x=_LEFT - 10, y=y + 4, text_anchor="end"))
        if over.low is not None and over.high is not None:
            drawn.append(tag("line", class_=f"line {kind}", x1=across(over.low), x2=across(over.high), y1=y, y2=y))
        drawn += [tag("circle", class_=f"seed {kind}", cx=across(each), cy=y, r=3) for each in seeds]
        title = tag("title", f"{name}: {interval(over)}, n = {over.n}")
        drawn.append(tag("circle", title, class_=f"dot {kind}", cx=across(over.mean), cy=y, r=5.5))
        drawn.append(
            tag("text", score(over.mean), class_=f"value {kind}", x=across(over.mean), y=y - 9, text_anchor="middle")
        )
    heading = "The winner and what it should beat"
    picture = svg(_WIDTH, bottom + 24, heading, *drawn)
    return Figure(heading, picture, "Large dot: the mean. Small dots: seeds. Line: the 95 % interval.")
