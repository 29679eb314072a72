"""The first Ctrl-C finishes cleanly, the second ends the process at once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass


@dataclass
class Interrupts:
    """How often the user has asked to stop."""

    count: int = 0


@contextmanager
def finishing_cleanly(interrupt: Callable[[], None], note: Callable[[str], None]) -> Iterator[Interrupts]:
    """While this is open, SIGINT and SIGTERM call `interrupt`; a second one ends the process with code 130.

    Args:
        interrupt: Asks the work to finish; called from a signal handler.
        note: Told what happens next.

    Yields:
        The count, so that the caller knows afterwards whether it was interrupted.
    """
    interrupts = Interrupts()

    def handle(*_: object) -> None:
        interrupts.count += 1
        if interrupts.count > 1:
            if sys.stderr.isatty():
                os.write(sys.stderr.fileno(), b"\x1b[?25h\n")
            os._exit(130)
        interrupt()
        with suppress(RuntimeError):  # the stream may be in the middle of a write
            note("finishing cleanly: what is finished is kept, and the run can be resumed; Ctrl-C again ends at once")

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
