"""What a model made of the suite, in figures: shares and means with intervals, beside an earlier result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt

import numpy as np

from rewardsmith.domain.bench import Answer, BenchDifference, BenchReport, BenchResult, BenchRow, Share
from rewardsmith.reports.words import ABSENT, table
from rewardsmith.reports.words import interval as spread
from rewardsmith.search.statistics import interval, student

_Z = 1.959964


def rows(result: BenchResult) -> Iterator[BenchRow]:
    """A row for each task, and one of all."""
    for task in dict.fromkeys(answer.task for answer in result.answers):
        yield _row(task, [answer for answer in result.answers if answer.task == task], scored=True)
    yield _row("all", result.answers, scored=False)


def differences(ours: BenchResult, theirs: BenchResult) -> Iterator[BenchDifference]:
    """Ours less theirs, on the tasks that both were asked about; nothing where the suites are not the same."""
    if (ours.suite.number, ours.suite.tasks, ours.suite.recipe) != (
        theirs.suite.number,
        theirs.suite.tasks,
        theirs.suite.recipe,
    ):
        return
    for what, holds in (("valid", _valid), ("valid at once", _at_once)):
        yield _shares(what, [holds(each) for each in ours.answers], [holds(each) for each in theirs.answers])
    yield from _means("repairs", *([float(each.repairs) for each in side.answers] for side in (ours, theirs)))
    yield from _means("alignment", *(_numbers(side.answers, "alignment") for side in (ours, theirs)))
    if ours.steps == theirs.steps:
        for task in ours.suite.tasks:
            scores = ([each for each in side.answers if each.task == task] for side in (ours, theirs))
            yield from _means(f"score {task}", *(_numbers(each, "score") for each in scores))


def text(report: BenchReport) -> str:
    """Tables for a terminal."""
    trained = any(row.score for row in report.rows)
    header = ["task", "valid", "valid at once", "repairs", "alignment", *(["score"] if trained else [])]
    lines = [
        [row.task, _share(row.valid), _share(row.at_once), f"{row.repairs:.2f}", spread(row.alignment)]
        + ([spread(row.score)] if trained else [])
        for row in report.rows
    ]
    spent = f"{report.result.tokens:,} tokens, ${report.result.dollars:.2f}"
    spent += f", {report.result.unpriced} calls of unknown price" if report.result.unpriced else ""
    found = [f"{report.result.model}, suite {report.result.suite.number}: {spent}", "", table(header, lines)]
    if report.against:
        compared = [
            [each.what, f"{each.ours:.3g}", f"{each.theirs:.3g}", f"{each.ours - each.theirs:+.3g} {_ends(each)}"]
            for each in report.differences
        ]
        found += ["", table(["", "now", report.against, "difference"], compared)]
    return "\n".join([*found, "", f"kept in {report.file}"])


def share(holds: Sequence[bool]) -> Share:
    """How many, with Wilson's interval (Wilson 1927)."""
    count, of = sum(holds), len(holds)
    middle = (count + _Z**2 / 2) / (of + _Z**2)
    half = _Z / (of + _Z**2) * sqrt(count * (of - count) / of + _Z**2 / 4)
    return Share(count=count, of=of, low=max(0.0, middle - half), high=min(1.0, middle + half))


def _row(task: str, answers: Sequence[Answer], *, scored: bool) -> BenchRow:
    return BenchRow(
        task=task,
        valid=share([_valid(each) for each in answers]),
        at_once=share([_at_once(each) for each in answers]),
        repairs=float(np.mean([each.repairs for each in answers])),
        alignment=interval(_numbers(answers, "alignment")),
        score=interval(_numbers(answers, "score")) if scored else None,
    )


def _shares(what: str, ours: Sequence[bool], theirs: Sequence[bool]) -> BenchDifference:
    """With Newcombe's interval of the difference of two shares (1998, method 10)."""
    a, b = share(ours), share(theirs)
    p, q = a.count / a.of, b.count / b.of
    low = p - q - sqrt((p - a.low) ** 2 + (b.high - q) ** 2)
    high = p - q + sqrt((a.high - p) ** 2 + (q - b.low) ** 2)
    return BenchDifference(what=what, ours=p, theirs=q, low=low, high=high)


def _means(what: str, ours: Sequence[float], theirs: Sequence[float]) -> Iterator[BenchDifference]:
    """With Welch's interval."""
    if not ours or not theirs:
        return
    a, b = np.asarray(ours), np.asarray(theirs)
    low = high = None
    if min(len(a), len(b)) > 1:
        u, v = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
        free = 1 if u + v == 0 else (u + v) ** 2 / (u**2 / (len(a) - 1) + v**2 / (len(b) - 1))
        half = student(free) * sqrt(u + v)
        low, high = float(a.mean() - b.mean() - half), float(a.mean() - b.mean() + half)
    yield BenchDifference(what=what, ours=float(a.mean()), theirs=float(b.mean()), low=low, high=high)


def _numbers(answers: Sequence[Answer], name: str) -> list[float]:
    return [value for each in answers if (value := getattr(each, name)) is not None]


def _valid(answer: Answer) -> bool:
    return answer.valid


def _at_once(answer: Answer) -> bool:
    return answer.gate is None


def _share(found: Share) -> str:
    return f"{found.count} of {found.of} [{found.low:.0%}, {found.high:.0%}]"


def _ends(each: BenchDifference) -> str:
    return ABSENT if each.low is None or each.high is None else f"[{each.low:+.3g}, {each.high:+.3g}]"
