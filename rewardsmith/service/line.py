"""The line for what takes seconds: one piece after another, and one at a time for each key."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from rewardsmith.domain.key import Caller
from rewardsmith.errors import LimitReached

T = TypeVar("T")
_WAIT_S = 5.0


class Line:
    """Work in a thread, one piece after another. Whoever has no key is not counted."""

    def __init__(self) -> None:
        self._limiter = CapacityLimiter(1)
        self._waiting: set[str] = set()

    async def do(self, caller: Caller, work: Callable[[], T]) -> T:
        """Do it when its turn comes.

        Raises:
            LimitReached: The caller's key waits for another such answer.
        """
        if caller.name in self._waiting:
            raise LimitReached(
                f"the key {caller.name} waits for another check or task of its own already",
                wait_s=_WAIT_S,
                hint="ask one after another",
            )
        if caller.name:
            self._waiting.add(caller.name)
        try:
            return await to_thread.run_sync(work, limiter=self._limiter)
        finally:
            self._waiting.discard(caller.name)
