"""A deadline by a clock that stands still while a process is kept waiting for a processor."""

from __future__ import annotations

import time
from collections.abc import Callable

STARVED = 10.0
"""How many times its seconds a process may take by the wall clock, however busy the machine is."""


class Deadline:
    """When a process that begins something now has to be done with it."""

    def __init__(self, seconds: float, starved: Callable[[], float]) -> None:
        """Let it have `seconds`; `starved` tells for how many it was kept waiting in its life so far."""
        now = time.monotonic()
        self._soon, self._at, self._latest = now + seconds / 10, now + seconds, now + STARVED * seconds
        self._starved = starved
        self._before: float | None = None

    def left(self) -> float:
        """Seconds that are left."""
        return self._at - time.monotonic()

    def wait(self) -> float:
        """Seconds to wait before asking again; none where it has passed.

        The first tenth passes without a look at the process, so whoever answers soon is never looked at.
        """
        now = time.monotonic()
        if self._before is None and now < self._soon:
            return self._soon - now
        if self._before is None:
            self._before = self._starved()
        elif now >= self._at:
            starved = self._starved()
            self._at = min(self._at + starved - self._before, self._latest)
            self._before = starved
        return max(0.0, self._at - now)
