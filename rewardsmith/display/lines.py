"""One line per thing that happened, for logs and pipes."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import TextIO

from rewardsmith.display.announcement import announcement
from rewardsmith.domain.events import AttemptProgressed, StoredEvent
from rewardsmith.domain.plan import Plan, RunSpec
from rewardsmith.domain.run import Run
from rewardsmith.reports.happened import happened
from rewardsmith.reports.words import duration

PROGRESS_EVERY_S = 60.0


class PlainDisplay:
    """Writes lines to a stream; a training says how far it is once a minute."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._said: dict[tuple[str, str, int], float] = {}
        self._first: float | None = None

    def __enter__(self) -> PlainDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.flush()

    def note(self, text: str) -> None:
        """Write one line."""
        print(text, file=self._stream, flush=True)

    def aside(self) -> AbstractContextManager[None]:
        """Lines go on between those of whoever asks."""
        return nullcontext()

    def plan(self, spec: RunSpec, plan: Plan) -> None:
        """Write the plan."""
        for line in announcement(spec, plan):
            self.note(line)

    def observe(self, stored: StoredEvent, run: Run) -> None:
        """Write a line if the event deserves one."""
        if self._first is None:
            self._first = stored.time
        line = happened(stored.event, run)
        if line and self._due(stored):
            self.note(f"[{duration(stored.time - self._first):>6}] {line}")

    def _due(self, stored: StoredEvent) -> bool:
        """Whether it is time to say so: a training says how far it is once a minute."""
        if not isinstance(stored.event, AttemptProgressed):
            return True
        last = self._said.setdefault(stored.event.attempt.key, stored.time)
        if stored.time - last < PROGRESS_EVERY_S:
            return False
        self._said[stored.event.attempt.key] = stored.time
        return True
