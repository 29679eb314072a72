"""Attempts that run are looked at until they end; how far they are is written down for all of a run together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from rewardsmith.domain.events import Attempt, AttemptProgressed
from rewardsmith.domain.job import Progress
from rewardsmith.executors.executor import Done, Executor, Lost, Running
from rewardsmith.search.journal import Journal

POLL_S = 0.2
PROGRESS_S = 5.0
"""How far trainings are is written down once in so many seconds."""

Sleep = Callable[[float], Awaitable[None]]


class Following:
    """The attempts of one run that are under way."""

    def __init__(self, journal: Journal, executor: Executor, *, sleep: Sleep, clock: Callable[[], float]) -> None:
        self._journal = journal
        self._executor = executor
        self._sleep = sleep
        self._clock = clock
        self._news: dict[Attempt, AttemptProgressed] = {}
        self._told_at = -PROGRESS_S

    async def follow(self, attempt: Attempt, folder: Path) -> Done | Lost:
        """How it ended, once it has."""
        seen: Progress | None = None
        try:
            while True:
                state = await asyncio.to_thread(self._executor.poll, folder)
                if not isinstance(state, Running):
                    return state
                if state.progress and state.progress != seen:
                    seen = state.progress
                    self._news[attempt] = AttemptProgressed(attempt=attempt, progress=seen)
                await self._tell()
                await self._sleep(POLL_S)
        finally:
            self._news.pop(attempt, None)

    async def _tell(self) -> None:
        """Write all that is new at once: a database counts writes, and hardly what is in them."""
        if self._news and self._clock() - self._told_at >= PROGRESS_S:
            news, self._news, self._told_at = self._news, {}, self._clock()
            await self._journal.append(*news.values())
