"""What training told: component statistics, score and episode length over time, as numbers and as sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rewardsmith.domain.report import ComponentStatistics, Report
from rewardsmith.domain.survey import Survey
from rewardsmith.prompting.signals import number
from rewardsmith.prompting.templates import plain

NEARLY_CONSTANT = 0.05
"""A component whose deviation, within and between stretches, stays below this share of its magnitude."""
DOMINATES = 0.7
NEGLIGIBLE = 0.02
FOLLOWS = 0.5
"""A correlation from which on a component is said to follow the score, or to oppose it."""


@dataclass(frozen=True)
class Track:
    """One quantity over training."""

    name: str
    values: tuple[str, ...]
    """At each snapshot."""
    highest: str
    mean: str
    lowest: str
    sentence: str
    """What a reader should see in it."""


@dataclass(frozen=True)
class Reflection:
    """What the training of one candidate told."""

    steps: int
    """Environment steps trained."""
    snapshots: int
    """Points in time at which components were summed up."""
    components: tuple[Track, ...]
    """Without the total."""
    total: Track | None
    score: Track | None
    length: Track | None
    remarks: tuple[str, ...]
    """Sentences about the whole."""


def reflect(report: Report, survey: Survey) -> Reflection:
    """Sum up a report for a reader who wants to write a better reward."""
    mortal = any(length < survey.horizon for rung in report.rungs for length in rung.lengths)
    tracks = [_component(statistics, mortal) for statistics in report.components if statistics.points]
    total = next((track for track in tracks if track.name == "total"), None)
    components = tuple(track for track in tracks if track.name != "total")
    return Reflection(
        steps=report.steps,
        snapshots=max((len(statistics.points) for statistics in report.components), default=0),
        components=components,
        total=total,
        score=_score(report, survey),
        length=_length(report, survey),
        remarks=tuple(_remarks(report, survey)),
    )


def _track(name: str, values: Sequence[float], sentence: str) -> Track:
    mean = sum(values) / len(values)
    shown = tuple(number(value) for value in values)
    return Track(plain(name, 60), shown, number(max(values)), number(mean), number(min(values)), sentence)


def _component(statistics: ComponentStatistics, mortal: bool) -> Track:
    points = statistics.points
    means = [point.mean for point in points]
    last = points[-1]
    low, high = min(point.low for point in points), max(point.high for point in points)
    parts = [f"mean per step {_course(means)}, from {number(low)} to {number(high)} in single steps"]
    if statistics.name != "total":
        parts.append(f"{_percent(last.share)} of the reward's magnitude at the end")
    parts.append(_correlation(statistics.correlation))
    notes = [] if statistics.name == "total" else _notes(statistics, mortal)
    return _track(statistics.name, means, "; ".join(parts) + "." + "".join(f" {note}" for note in notes))


def _notes(statistics: ComponentStatistics, mortal: bool) -> list[str]:
    points = statistics.points
    means = [point.mean for point in points]
    size = max(max(abs(point.mean) for point in points), 1e-12)
    notes = []
    if max(max(point.std for point in points), max(means) - min(means)) < NEARLY_CONSTANT * size:
        notes.append(
            "It hardly varies, so all it can reward is a longer episode."
            if mortal
            else "It hardly varies, so it tells the agent nothing: rescale it, write it anew or drop it."
        )
    if all(point.high == point.low == 0.0 for point in points):
        notes = ["It is always 0: its condition is never met or its scale is off."]
    share = sum(point.share for point in points) / len(points)
    if share > DOMINATES:
        notes.append("It outweighs the other components.")
    elif share < NEGLIGIBLE:
        notes.append("It is too small beside the others to matter.")
    if statistics.correlation is not None and statistics.correlation < -FOLLOWS and means[-1] > means[0]:
        notes.append("The agent collects it at the expense of the score.")
    return notes


def _correlation(value: float | None) -> str:
    if value is None:
        return "no correlation with the score can be told, since one of the two never varies between episodes"
    relation = "follows" if value > FOLLOWS else "opposes" if value < -FOLLOWS else "is only loosely related to"
    return f"its sum over an episode {relation} the score (correlation {value:+.2f})"


def _score(report: Report, survey: Survey) -> Track | None:
    if not report.rungs:
        return None
    means = [rung.mean for rung in report.rungs]
    best = report.rungs[report.best_rung if report.best_rung is not None else means.index(max(means))]
    spread = f"single episodes {number(min(best.scores))} to {number(max(best.scores))}" if best.scores else ""
    sentence = f"{_course(means)} over {len(means)} measurements; best {number(best.mean)} after {best.steps:,} steps"
    sentence += f" ({spread})" if spread else ""
    sentence += f"; random actions give {number(survey.random_score())}."
    return _track("task_score", means, sentence)


def _length(report: Report, survey: Survey) -> Track | None:
    lengths = [point.mean_length for point in report.episodes if point.mean_length is not None]
    if not lengths:
        return None
    sentence = f"{_course(lengths)} steps on average, of at most {survey.horizon}."
    return _track("episode_length", lengths, sentence)


def _remarks(report: Report, survey: Survey) -> list[str]:
    remarks = []
    scores = [rung.mean for rung in report.rungs]
    total = next((s for s in report.components if s.name == "total" and len(s.points) > 1), None)
    spread = max((abs(value) for value in (*scores, survey.random_score())), default=0.0)
    if len(scores) > 1 and report.best_rung is not None and report.best_rung < len(scores) - 1:
        lost = scores[report.best_rung] - scores[-1]
        if lost > 0.1 * spread:
            remarks.append(
                "The score was better in the middle of training than at its end: the agent left good behaviour."
            )
    if total and scores:
        means = [point.mean for point in total.points]
        rose = means[-1] - means[0] > 0.2 * max(abs(means[0]), abs(means[-1]))
        if rose and max(scores) - survey.random_score() < 0.1 * spread:
            remarks.append(
                "The reward rose while the score stayed near that of random actions: the agent found a way to be paid "
                "that is not the task."
            )
        elif total.correlation is not None and total.correlation < 0:
            remarks.append("Episodes that the reward values more have lower scores: it pays for the wrong thing.")
    if report.rungs and report.rungs[-1].success is not None:
        remarks.append(f"Episodes that count as a success at the end: {_percent(report.rungs[-1].success)}.")
    if report.rungs and report.rungs[-1].lengths:
        lengths = report.rungs[-1].lengths
        mean = sum(lengths) / len(lengths)
        if mean < 0.9 * survey.horizon:
            remarks.append(f"Scored episodes ended early, after {number(mean)} of {survey.horizon} steps on average.")
    return remarks


def _course(values: Sequence[float]) -> str:
    """How a quantity went: `rose from 1 to 3`."""
    first, last = values[0], values[-1]
    if len(values) == 1:
        return f"was {number(first)}"
    span = max(values) - min(values)
    if span <= 0.05 * max(abs(v) for v in values) or span == 0.0:
        return f"stayed at {number(last)}"
    if abs(last - first) < 0.25 * span:
        return f"moved between {number(min(values))} and {number(max(values))}, ending at {number(last)}"
    return f"{'rose' if last > first else 'fell'} from {number(first)} to {number(last)}"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.995 else "100 %"
