"""What has changed since a reward was kept: the simulator, the environment's source, the reward's source."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from difflib import unified_diff

from rewardsmith.checking.kept import Kept
from rewardsmith.domain.regression import Change
from rewardsmith.domain.survey import Survey
from rewardsmith.domain.task import Task

MOST_LINES = 60
"""Of a diff."""


def changes(kept: Kept, survey: Survey, task: Task) -> Iterator[Change]:
    """Each of them, whether or not it did harm."""
    then, now = kept.lock.versions, survey.versions
    moved = [f"{name} {then.get(name, 'none')} -> {now.get(name, 'none')}" for name in sorted({*then, *now})
             if then.get(name) != now.get(name)]  # fmt: skip
    if moved:
        yield Change(what="simulator", words=", ".join(moved))
    if view := _diff(kept.lock.view, survey.view.splitlines()):
        yield Change(what="environment", words="its source, without its reward, is another", diff=view)
    if told := _diff(_told(kept.lock.task), _told(task)):
        yield Change(what="task", words="its environment, score rule or trainer is set otherwise", diff=told)
    if source := _diff(kept.lock.source, kept.source.splitlines()):
        yield Change(what="reward", words="its source is another", diff=source)


def _told(task: Task) -> list[str]:
    """What of a task may change a score, line by line."""
    told = task.model_dump(mode="json", include={"environment", "trainer"})
    return [*json.dumps(told, indent=1, ensure_ascii=False).splitlines(), *task.score.source.splitlines()]


def _diff(then: Sequence[str], now: Sequence[str]) -> tuple[str, ...]:
    """Lines of a unified diff, capped; empty where only blank lines and ends of lines differ."""
    before, after = ([line.rstrip() for line in lines if line.strip()] for lines in (then, now))
    lines = list(unified_diff(before, after, "kept", "now", lineterm="", n=2))
    more = len(lines) - MOST_LINES
    return (*lines[:MOST_LINES], f"... {more} more lines") if more > 0 else tuple(lines)
