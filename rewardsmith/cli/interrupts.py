"""The first Ctrl-C finishes cleanly, the second ends the process at once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from rewardsmith.display.display import FINISHING

LEFT = (
    "ended at once: trainings that were under way may go on by themselves; `rewardsmith resume` takes them up, "
    "`rewardsmith cancel` ends them\n"
)


@dataclass
class Interrupts:
    """How often the user has asked to stop."""

    count: int = 0


@contextmanager
def finishing_cleanly(interrupt: Callable[[], None], note: Callable[[str], None]) -> Iterator[Interrupts]:
    """While this is open, SIGINT and SIGTERM call `interrupt`; a further SIGINT ends the process with code 130.

    A further SIGTERM asks for nothing more: `make` and `timeout` send it on to whom it has reached already.

    Args:
        interrupt: Asks the work to finish; called from a signal handler.
        note: Told what happens next.

    Yields:
        The count, so that the caller knows afterwards whether it was interrupted.
    """
    interrupts = Interrupts()

    def handle(number: int, _: object) -> None:
        if interrupts.count and number == signal.SIGTERM:
            return
        interrupts.count += 1
        if interrupts.count > 1:
            with suppress(OSError):
                os.write(2, (b"\x1b[?25h\n" if sys.stderr.isatty() else b"") + LEFT.encode())
            os._exit(130)
        interrupt()
        with suppress(RuntimeError):  # the stream may be in the middle of a write
            note(f"{FINISHING}; Ctrl-C again ends at once")

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
