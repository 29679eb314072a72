"""What has changed since a reward was kept: simulator, environment, ranges of signals, task, the reward's source."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from difflib import unified_diff

import numpy as np

from rewardsmith.checking.kept import Kept
from rewardsmith.domain.regression import Change
from rewardsmith.domain.survey import Survey
from rewardsmith.domain.task import Task
from rewardsmith.reports.words import counted

MOST_LINES = 60
"""Of a diff."""
ELSEWHERE = 0.1
"""Of a range: how far an end of it has moved that is told. Other builds of a simulator move the ends, too."""


def changes(kept: Kept, survey: Survey, task: Task) -> Iterator[Change]:
    """Each of them, whether or not it did harm."""
    then, now = kept.lock.versions, survey.versions
    moved = [f"{name} {then.get(name, 'none')} -> {now.get(name, 'none')}" for name in sorted({*then, *now})
             if then.get(name) != now.get(name)]  # fmt: skip
    if moved:
        yield Change(what="simulator", words=", ".join(moved))
    if view := _diff(kept.lock.view, survey.view.splitlines()):
        yield Change(what="environment", words="its source, without its reward, is another", diff=view)
    if ranges := tuple(_ranges(kept, survey)):
        words = f"{counted(len(ranges) // 2, 'signal')} that it reads went elsewhere under the same random actions"
        yield Change(what="signals", words=words, diff=ranges)
    if told := _diff(_told(kept.lock.task), _told(task)):
        yield Change(what="task", words="its environment, score rule or trainer is set otherwise", diff=told)
    if source := _diff(kept.lock.source, kept.source.splitlines()):
        yield Change(what="reward", words="its source is another", diff=source)


def _ranges(kept: Kept, survey: Survey) -> Iterator[str]:
    """Then and now, of the entry that moved furthest of each signal whose range moved."""
    here = survey.by_name()
    for name, then in kept.lock.signals.items():
        now = here.get(name)
        if now is None or not then.low or now.shape != then.shape:
            continue
        lows, highs = (np.array([getattr(each, end) for each in (then, now)]) for end in ("low", "high"))
        moved = np.maximum(*(np.abs(np.diff(ends, axis=0))[0] for ends in (lows, highs)))
        spans = highs[0] - lows[0]
        apart = np.divide(moved, spans, out=np.where(moved > 0, np.inf, 0.0), where=spans > 0)
        place = int(apart.argmax())
        if apart[place] > ELSEWHERE:
            entry = f"{name}[{place}]" if len(apart) > 1 else name
            for sign, low, high in zip("-+", lows[:, place], highs[:, place], strict=True):
                yield f"{sign}{entry}: {low:.4g} to {high:.4g} {then.unit}".rstrip()


def _told(task: Task) -> list[str]:
    """What of a task may change a score, line by line."""
    told = task.model_dump(mode="json", include={"environment", "trainer"})
    return [*json.dumps(told, indent=1, ensure_ascii=False).splitlines(), *task.score.source.splitlines()]


def _diff(then: Sequence[str], now: Sequence[str]) -> tuple[str, ...]:
    """Lines of a unified diff, capped; empty where only blank lines and ends of lines differ."""
    before, after = ([line.rstrip() for line in lines if line.strip()] for lines in (then, now))
    return capped(list(unified_diff(before, after, "kept", "now", lineterm="", n=2)))


def capped(lines: Sequence[str]) -> tuple[str, ...]:
    """At most `MOST_LINES` of a diff, and how many more there are."""
    more = len(lines) - MOST_LINES
    return (*lines[:MOST_LINES], f"... {more} more lines") if more > 0 else tuple(lines)
