"""The live table on a terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from rewardsmith.display.announcement import announcement
from rewardsmith.domain.events import StoredEvent
from rewardsmith.domain.plan import Plan, RunSpec
from rewardsmith.domain.run import Run
from rewardsmith.reports.board import Board, Row, board
from rewardsmith.reports.words import count, duration, score, spent

_STYLES = {"failed": "red", "same": "dim", "training": "cyan", "confirm": "green", "waiting": "dim", "being": "dim"}


class RichDisplay:
    """Redraws a table of candidates with a footer. Frames are drawn from frozen boards: no thread reads a live run."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._board: Board | None = None
        self._before = 0.0
        self._start = time.monotonic()
        self._live: Live | None = None
        self._aside = False

    def __enter__(self) -> RichDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def note(self, text: str) -> None:
        """Print a line above the table."""
        self._console.print(Text(text))

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take the table away; it comes back with the next event."""
        self.__exit__(None, None, None)
        self._aside = True
        try:
            yield
        finally:
            self._aside = False

    def plan(self, spec: RunSpec, plan: Plan) -> None:
        """Print the plan."""
        first, *rest = announcement(spec, plan)
        self._console.print(Text(first, style="bold"))
        for line in rest:
            self._console.print(Text(line))

    def observe(self, stored: StoredEvent, run: Run) -> None:  # noqa: ARG002
        """Take a new board; the table appears with the first one."""
        if run.spec is None:
            return
        if self._board is None:
            self._before = run.wall_s
            self._start = time.monotonic()
        self._board = board(run)
        if self._live is None and not self._aside:
            self._live = Live(console=self._console, get_renderable=self._frame, refresh_per_second=4)
            self._live.start()

    def _frame(self) -> RenderableType:
        assert self._board is not None
        elapsed = self._before + time.monotonic() - self._start
        return frame(self._board, elapsed=elapsed, height=self._console.size.height)


def frame(shown: Board, *, elapsed: float, height: int) -> RenderableType:
    """One picture: table and footer, cut to the height of the terminal.

    Args:
        shown: What to draw.
        elapsed: Seconds that the run has been driven so far.
        height: Lines of the terminal.
    """
    table = Table(expand=True, title=Text(shown.title), title_justify="left", box=None, pad_edge=False)
    for name, settings in (
        ("candidate", {"no_wrap": True}),
        ("origin", {"no_wrap": True}),
        ("stage", {"no_wrap": True}),
        ("steps/s", {"justify": "right", "no_wrap": True}),
        ("score", {"justify": "right", "no_wrap": True}),
        ("failure or warning", {"ratio": 1, "no_wrap": True, "overflow": "ellipsis"}),
    ):
        table.add_column(name, **settings)
    for row in _chosen(shown, max(4, height - 8)):
        best = row.name == _standing(shown)
        table.add_row(
            Text(row.name, style="bold green" if best else ""),
            row.origin,
            Text(row.stage, style=_STYLES.get(row.stage.split()[0], "")),
            "" if row.rate is None else f"{row.rate:,.0f}",
            Text("" if row.score is None else score(row.score), style="bold green" if best else ""),
            Text(" ".join(row.note.split()), style="yellow" if row.note.startswith("warning") else "red"),
        )
    return Group(table, Text(""), *_footer(shown, elapsed))


def _standing(shown: Board) -> str | None:
    """The candidate that the run stands by now."""
    standing = shown.winner or shown.best
    return standing[0] if standing else None


def _chosen(shown: Board, most: int) -> list[Row]:
    """The rows that fit: baselines, what is not settled, the best, then the latest."""
    if len(shown.rows) <= most:
        return list(shown.rows)
    best = _standing(shown)

    def weight(place: tuple[int, Row]) -> tuple[bool, bool, bool, int]:
        index, row = place
        return (row.name != best, row.settled, row.generation not in (0, shown.generation), -index)

    kept = sorted(sorted(enumerate(shown.rows), key=weight)[:most])
    return [row for _, row in kept]


def _footer(shown: Board, elapsed: float) -> list[Text]:
    best = f"best {shown.best[0]} {score(shown.best[1])}" if shown.best else "no score yet"
    if shown.winner:
        best = f"winner {shown.winner[0]}, confirmed {score(shown.winner[1])}"
    beside = "  ".join(f"{name} {score(value)}" for name, value in shown.baselines)
    left = time_left(shown, elapsed)
    ahead = f"about {duration(left)} left" if left is not None else "time left unknown"
    state = f"generation {shown.generation} of {shown.iterations}"
    usage = shown.usage
    paid = f"{spent(usage)}, {count(usage.tokens)} tokens, {usage.trainings} trainings, {duration(elapsed)}"
    if shown.limits:
        paid += f" ({shown.limits})"
    return [
        Text.assemble((best, "bold green"), f"   {beside}"),
        Text(f"{state}   {paid}, {ahead if shown.status == 'running' else shown.status}"),
    ]


def time_left(shown: Board, elapsed: float) -> float | None:
    """Seconds left: from the pace so far once a twentieth is done, before that from the plan."""
    if shown.done >= 0.05:
        return elapsed * (1 - shown.done) / shown.done
    return shown.expected_s - elapsed if shown.expected_s is not None and shown.expected_s > elapsed else None
