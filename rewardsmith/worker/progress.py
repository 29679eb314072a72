"""`progress.json`: how far the job is, replaced atomically and at most every second."""

from __future__ import annotations

import time
from pathlib import Path

from rewardsmith.domain.job import Progress
from rewardsmith.worker.files import write_text

__all__ = ["ProgressFile"]

_EVERY_S = 1.0


class ProgressFile:
    """Writes how far a training of `of` steps is."""

    def __init__(self, path: Path, of: int) -> None:
        self._path = path
        self._of = of
        self._written = 0.0
        self._last: tuple[float, int] | None = None
        self._rate = 0.0
        self.score: float | None = None

    def begin(self, steps: int) -> None:
        """Training goes on here; what went before, such as scoring, is no training time."""
        self._last = (time.monotonic(), steps)

    def step(self, steps: int) -> None:
        """Write if the last writing is a second old."""
        now = time.monotonic()
        if now - self._written < _EVERY_S:
            return
        if self._last is not None and now > self._last[0]:
            self._rate = (steps - self._last[1]) / (now - self._last[0])
        self._last = (now, steps)
        self.write(steps)

    def write(self, steps: int) -> None:
        """Write now."""
        self._written = time.monotonic()
        record = Progress(steps=steps, of=self._of, steps_per_second=self._rate, score=self.score)
        write_text(self._path, record.model_dump_json(), durable=False)
