"""Slots that are handed out by priority, so that none idles while work is queued."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

Priority = Callable[[], tuple[float, ...]]
"""How soon one wants to be served, asked whenever a slot is free: the least goes first."""


class Slots:
    """`count` slots; whoever waits with the least priority value is served first, equal ones in order of asking."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: list[tuple[Priority, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def take(self, priority: Priority) -> AsyncIterator[None]:
        """Hold one slot for the length of a `with` block."""
        loop = asyncio.get_running_loop()
        if self._free:
            self._free -= 1
        else:
            turn: asyncio.Future[None] = loop.create_future()
            self._waiting.append((priority, turn))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._hand_out()
                raise
        try:
            yield
        finally:
            loop.call_soon(self._hand_out)  # not at once: who gives a slot back may ask for one in the same breath

    def _hand_out(self) -> None:
        self._waiting = [(priority, turn) for priority, turn in self._waiting if not turn.done()]
        if not self._waiting:
            self._free += 1
            return
        first = min(self._waiting, key=lambda waiting: waiting[0]())
        self._waiting.remove(first)
        first[1].set_result(None)
