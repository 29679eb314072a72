"""How far one training is: a bar on a terminal, else a line per tenth."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rewardsmith.domain.job import Progress
from rewardsmith.reports.words import count, score

Observe = Callable[[Progress], None]


@contextmanager
def open_bar(display: str, *, as_json: bool) -> Iterator[Observe | None]:
    """Yield what takes each progress; `auto` is a bar on a terminal, nothing beside JSON, lines otherwise."""
    if display == "auto":
        display = "rich" if sys.stderr.isatty() else "none" if as_json else "plain"
    if display == "none":
        yield None
    elif display == "plain":
        yield _lines()
    else:
        with _bar() as observe:
            yield observe


def _words(progress: Progress) -> str:
    return f"{progress.steps_per_second:.0f} steps/s, score {score(progress.score)}"


def _lines() -> Observe:
    said = -1

    def observe(progress: Progress) -> None:
        nonlocal said
        tenth = 10 * progress.steps // max(1, progress.of)
        if tenth > said:
            said = tenth
            print(f"{count(progress.steps)} of {count(progress.of)} steps, {_words(progress)}", file=sys.stderr)

    return observe


@contextmanager
def _bar() -> Iterator[Observe]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TextColumn("{task.description}"))
    with Bars(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bars:
        bar = bars.add_task("starting", total=None)

        def observe(progress: Progress) -> None:
            bars.update(bar, total=progress.of, completed=progress.steps, description=_words(progress))

        yield observe
