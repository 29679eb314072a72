"""A run in charts over environment steps: the best so far, the learning curves, the components."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.report import ComponentStatistics, Report
from rewardsmith.domain.result import Interval, RunResult
from rewardsmith.domain.run import Run
from rewardsmith.domain.task import ScoreRule
from rewardsmith.reports.components import ordered
from rewardsmith.reports.drawing import Axes, Figure, Point, span
from rewardsmith.reports.outcomes import became
from rewardsmith.reports.words import counted, interval, number, score
from rewardsmith.search.statistics import interval as interval_of

_STEPS = "environment steps"
_NAMED = {"right": 130.0, "width": 520.0, "height": 310.0}
"""Room for names beside the right edge."""

Curve = list[tuple[int, Interval]]
"""Steps, and the mean score over seeds after them."""


def curve(reports: Iterable[Report], rule: ScoreRule | None = None) -> Curve:
    """The mean score over trainings at each rung, with its 95 % interval; a failed one counts while it ran."""
    rungs: dict[int, list[float]] = {}
    steps: dict[int, int] = {}
    for report in reports:
        for index, rung in enumerate(report.rungs):
            rungs.setdefault(index, []).append(rung.mean)
            steps.setdefault(index, rung.steps)
    found = ((steps[index], interval_of(scores, rule)) for index, scores in sorted(rungs.items()))
    return [(at, over) for at, over in found if over is not None]


def unit(run: Run) -> str:
    """The axis of the scores: `score, m/s`."""
    assert run.spec is not None
    return "score" + (f", {run.spec.task.score.unit}" if run.spec.task.score.unit else "")


@dataclass(frozen=True)
class End:
    """Where a training of the search stands that gave a score: ended, or paused at a rung."""

    spent: int
    """Steps of the search until then, scoring included."""
    candidate: Candidate
    score: float
    over: Interval
    """The score over the held-out episodes, with its 95 % interval: on one seed."""
    stopped: bool
    """Whether it was not trained to its end: stopped early, or paused so far."""
    leads: bool
    """Whether it scored above all before it that were trained to their ends; before any was, above all before it."""


def climb(run: Run) -> list[End]:
    """Every training of the search that gave a score, in the order in which they ended; those that are paused last."""
    spent, best, whole = 0, float("-inf"), False
    ends = []
    for report, candidate in _searched_reports(run):
        spent += report.steps + report.scoring_steps
        over = interval_of(report.scored.scores, run.rule) if report.scored else None
        if report.score is None or over is None or report.failure:
            continue
        stopped = run.stopped(candidate)
        leads = report.score > best if stopped != whole else not stopped
        best = report.score if leads else best
        whole = whole or not stopped
        ends.append(End(spent, candidate, report.score, over, stopped, leads))
    return ends


def spent_by_search(run: Run) -> int:
    """Steps of the search's trainings that ended or paused, scoring included."""
    return sum(report.steps + report.scoring_steps for report, _ in _searched_reports(run))


def _searched_reports(run: Run) -> list[tuple[Report, Candidate]]:
    found = (*run.reports.items(), *run.paused.items())
    return [(report, run.candidates[key[1]]) for key, report in found if key[0] == "search"]


def best_so_far(run: Run, result: RunResult) -> Figure | None:
    """What the search had found after how many steps, beside what was confirmed and what is to be beaten."""
    assert run.spec is not None
    stairs: list[Point] = []
    marks: list[tuple[Point, str, str]] = []
    for each in (ends := climb(run)):
        at, subject = (each.spent, each.score), each.candidate.id
        winner = result.best is not None and subject == result.best.candidate
        kind = "winner" if winner else "stopped" if each.stopped else "other"
        marks.append((at, kind, f"{subject}: {score(each.score)}, {became(run, each.candidate)}"))
        if each.leads:
            stairs += [(each.spent, stairs[-1][1]), at] if stairs else [at]
    if not ends:
        return None
    spent = spent_by_search(run)
    confirmed = result.best.score if result.best else None
    levels = _levels(result)
    axes = Axes(
        x=(0, max(1.02 * spent, 1)),
        y=span([*(m[0][1] for m in marks), *(over.mean for _, over, _ in levels)]),
        **_NAMED,
    )
    inside: list[Markup] = []
    if confirmed and confirmed.low is not None and confirmed.high is not None:
        low, high = ([(x, edge) for x in axes.x] for edge in (confirmed.low, confirmed.high))
        inside.append(axes.band(low, high, "confirmed", f"confirmed: {interval(confirmed)}"))
    inside += [axes.level(over.mean, kind, f"{name}: {interval(over)}") for name, over, kind in levels]
    if stairs:
        inside.append(axes.line([*stairs, (spent, stairs[-1][1])], "winner", f"best so far: {score(stairs[-1][1])}"))
    inside += [axes.dot(point, kind, title) for point, kind, title in marks]
    names = axes.names((over.mean, f"{name} {score(over.mean)}", kind) for name, over, kind in levels)
    title = "Best so far"
    picture = axes.picture(title, f"{_STEPS} of the search, scoring included", unit(run), *inside, around=names)
    caption = "Each dot is a candidate at the end of its training; the line is the best that was trained to its end."
    if any(kind == "stopped" for _, kind, _ in marks):
        caption += " Hollow: stopped early."
    if confirmed:
        caption += f" Confirmed on {counted(confirmed.n, 'fresh seed')}: the level and its 95 % interval."
    return Figure(title, picture, caption)


def _levels(result: RunResult) -> list[tuple[str, Interval, str]]:
    """What stands across the whole chart: name, value, kind."""
    confirmed = result.best.score if result.best else None
    given = [
        ("confirmed", confirmed),
        *((name, getattr(result.baselines, name)) for name in ("human", "sparse", "random")),
    ]
    return [(name, over, name) for name, over in given if over is not None]


def learning_curves(run: Run, result: RunResult) -> Figure | None:
    """The score over training of every candidate, of the winner on its fresh seeds, and of the baselines."""
    assert run.spec is not None
    best = result.best.candidate if result.best else None
    searched = {
        turn.candidate.id: turn.report
        for turn in run.turns()
        if turn.report is not None and turn.report.rungs and not turn.candidate.twin
    }
    winner = searched.get(best) if best else None
    several = [
        (f"{best}, confirmed", "confirmed", curve(trained(run, "confirm", best), run.rule)),
        *((name, name, curve(trained(run, "baseline", name), run.rule)) for name in ("human", "sparse")),
    ]
    several = [(name, kind, found) for name, kind, found in several if found]
    values = [rung.mean for report in searched.values() for rung in report.rungs]
    values += [over.mean for _, _, found in several for _, over in found]
    if not values:
        return None
    longest = max(
        [1]
        + [rung.steps for report in searched.values() for rung in report.rungs]
        + [steps for _, _, found in several for steps, _ in found]
    )
    axes = Axes(x=(0, longest), y=span(values), **_NAMED)
    inside: list[Markup] = []
    for name, kind, found in several:
        inside.append(_band(axes, found, kind, name))
    for subject, report in searched.items():
        if subject != best:
            kind = "stopped" if run.stopped(run.candidates[subject]) else "other"
            inside.append(_searched(axes, run, subject, report, kind))
    if best and winner:
        inside.append(_searched(axes, run, best, winner, "winner"))
    for name, kind, found in several:
        inside.append(
            axes.line([(steps, over.mean) for steps, over in found], kind, f"{name}: {interval(found[-1][1])}")
        )
    named = [(found[-1][1].mean, kind, kind) for _, kind, found in several]
    if best and winner:
        named.append((winner.rungs[-1].mean, f"{best}, search", "winner"))
    title = "Learning curves"
    picture = axes.picture(title, f"{_STEPS} of one training", unit(run), *inside, around=axes.names(named))
    return Figure(title, picture, _explained(run, several))


def learning_curve(run: Run, candidate: Candidate) -> Figure | None:
    """The score over one candidate's training, before those of all others; its band is over the held-out episodes."""
    reports = {name: report for name, each in run.candidates.items() if (report := run.search_report(each))}
    reports = {name: report for name, report in reports.items() if report.rungs}
    ours = reports.pop(candidate.id, None)
    if ours is None:
        return None
    found = [(rung.steps, interval_of(rung.scores)) for rung in ours.rungs]
    over = [(steps, each) for steps, each in found if each is not None]
    everything = [*reports.values(), ours]
    values = [rung.mean for report in everything for rung in report.rungs]
    values += [end for _, each in over for end in (each.low, each.high) if end is not None]
    longest = max(rung.steps for report in everything for rung in report.rungs)
    axes = Axes(x=(0, longest), y=span(values), width=520, height=270)
    inside = [_searched(axes, run, name, report, "other") for name, report in reports.items()]
    inside += [_band(axes, over, "winner", candidate.id), _searched(axes, run, candidate.id, ours, "winner")]
    title = "Learning curve"
    picture = axes.picture(title, f"{_STEPS} of one training", unit(run), *inside)
    caption = f"Seed {ours.seed}. Shaded: the 95 % interval over held-out episodes. Thin lines: the other candidates."
    return Figure(title, picture, caption)


def trained(run: Run, purpose: str, subject: str | None) -> list[Report]:
    """The reports of one subject over the seeds of one purpose, so far as they have ended."""
    return [report for key, report in run.reports.items() if key[:2] == (purpose, subject)]


def _band(axes: Axes, found: Curve, kind: str, name: str) -> Markup:
    lows = [(steps, over.low) for steps, over in found if over.low is not None]
    highs = [(steps, over.high) for steps, over in found if over.high is not None]
    return axes.band(lows, highs, kind, f"{name}: 95 % interval") if len(lows) > 1 else Markup("")


def _searched(axes: Axes, run: Run, subject: str, report: Report, kind: str) -> Markup:
    points = [(rung.steps, rung.mean) for rung in report.rungs]
    title = f"{subject}: {became(run, run.candidates[subject])}"
    end = axes.dot(points[-1], kind, title, radius=2.5)
    return axes.line(points, kind, title) + (end if len(points) > 1 else "")


def _explained(run: Run, several: Sequence[tuple[str, str, Curve]]) -> str:
    assert run.spec is not None
    said = f"Thin lines: every candidate of the search, on seed {run.spec.seed}."
    if run.raced or run.paused:
        said += " A dotted one was stopped early."
    shaded = [kind for _, kind, found in several if any(over.low is not None for _, over in found)]
    if shaded:
        said += f" Shaded: the 95 % interval over seeds, of {' and '.join(shaded)}."
    single = [kind for _, kind, found in several if kind not in shaded]
    if single:
        said += f" One seed, so no interval: {' and '.join(single)}."
    return said


def component_figures(report: Report) -> list[Figure]:
    """A small chart for each component over training, the largest share first, the total last."""
    return [_component(each) for each in ordered(report)]


def _component(found: ComponentStatistics) -> Figure:
    points = found.points
    lows = [(p.steps, p.mean - p.std) for p in points]
    highs = [(p.steps, p.mean + p.std) for p in points]
    y = span([*(value for _, value in lows), *(value for _, value in highs)])
    axes = Axes(x=(0, max(points[-1].steps, 1)), y=y, width=260, height=150, left=46, right=14, top=10, bottom=24)
    kind = "total" if found.name == "total" else "component"
    title = f"{found.name}: {number(points[0].mean)} to {number(points[-1].mean)} per step"
    band = (
        axes.band(lows, highs, kind, f"{found.name}: one standard deviation around the mean") if len(points) > 1 else ""
    )
    picture = axes.picture(title, "", "", band, axes.line([(p.steps, p.mean) for p in points], kind, title))
    said = [] if kind == "total" else [f"{points[-1].share:.0%} of what is paid"]
    if found.correlation is not None:
        said.append(f"correlation with the score {found.correlation:+.2f}")
    return Figure(found.name, picture, ", ".join(said))


def leaders(run: Run, result: RunResult) -> list[Candidate]:
    """The candidate that the run stands by, then the others that it was compared with."""
    first = [result.best.candidate] if result.best else []
    others = run.confirmed.leaders if run.confirmed else ()
    return [run.candidates[name] for name in dict.fromkeys((*first, *others))]
