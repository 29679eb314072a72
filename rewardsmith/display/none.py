"""Shows nothing."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from types import TracebackType

from rewardsmith.domain.events import StoredEvent
from rewardsmith.domain.plan import Plan, RunSpec
from rewardsmith.domain.run import Run


class NoDisplay:
    """Shows nothing; standard error stays free for the error object."""

    def __enter__(self) -> NoDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def note(self, text: str) -> None:
        """Say nothing."""

    def aside(self) -> AbstractContextManager[None]:
        """Nothing is drawn anyway."""
        return nullcontext()

    def plan(self, spec: RunSpec, plan: Plan) -> None:
        """Say nothing."""

    def observe(self, stored: StoredEvent, run: Run) -> None:
        """Say nothing."""
