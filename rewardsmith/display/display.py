"""The seam through which the command line and Python show what goes on; the rooms below never print."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol

from rewardsmith.domain.events import StoredEvent
from rewardsmith.domain.plan import Plan, RunSpec
from rewardsmith.domain.run import Run

FINISHING = "finishing cleanly: what is finished is kept, and the run can be resumed"
"""What is said to whoever interrupts a run."""


class Display(Protocol):
    """Shows a run on standard error.

    A context manager that may be entered more than once; on leaving it the terminal is as it was.
    """

    def __enter__(self) -> Display:
        """Begin."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; the last state stays readable."""
        ...

    def note(self, text: str) -> None:
        """Say one thing. May be called from a signal handler."""
        ...

    def aside(self) -> AbstractContextManager[None]:
        """While this is open nothing is drawn: somebody is asked on the same terminal."""
        ...

    def plan(self, spec: RunSpec, plan: Plan) -> None:
        """Say what will be done and what it is expected to take, before it starts."""
        ...

    def observe(self, stored: StoredEvent, run: Run) -> None:
        """An event was appended; `run` is the fold of all events up to it. Called by the thread that drives the run."""
        ...


def open_display(name: str, *, as_json: bool) -> Display:
    """The display of that name; `auto` is `rich` on a terminal, else `none` beside JSON and `plain` otherwise."""
    if name == "auto":
        name = "rich" if sys.stderr.isatty() else "none" if as_json else "plain"
    if name == "rich":
        from rewardsmith.display.table import RichDisplay

        return RichDisplay()
    if name == "plain":
        from rewardsmith.display.lines import PlainDisplay

        return PlainDisplay(sys.stderr)
    from rewardsmith.display.none import NoDisplay

    return NoDisplay()
