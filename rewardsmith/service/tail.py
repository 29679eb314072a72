"""The end of the log: what comes to the runs that somebody watches, read once for all who do."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import takewhile

from rewardsmith.errors import RewardsmithError
from rewardsmith.service.complaint import Complaint
from rewardsmith.store.log import Line
from rewardsmith.store.store import Store

_LOG = logging.getLogger(__name__)
_LOOK_S = 0.2
"""How often the log is read while somebody watches."""
_MOST = 1000
"""Most of a run's earlier events that are read at once."""
_RECENT = 2000
"""Events of one run that are kept for watchers who are slow."""


@dataclass
class _Watched:
    """One run, and all its events from behind `before` to `last`."""

    before: int
    last: int
    recent: deque[Line] = field(default_factory=deque)
    watchers: int = 0
    more: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, line: Line) -> None:
        if len(self.recent) == _RECENT:
            self.before = self.recent.popleft().id
        self.recent.append(line)
        self.last = line.id

    def behind(self, after: int) -> list[Line]:
        return [*takewhile(lambda line: line.id > after, reversed(self.recent))][::-1]

    def wake(self) -> None:
        self.more.set()
        self.more = asyncio.Event()


class Tail:
    """Reads the log for all watchers of a server, in its event loop.

    Each run has a place of its own in the log: in one run ids become visible in their order, across runs on Postgres
    they need not.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._watched: dict[str, _Watched] = {}
        self._over = False

    def end(self) -> None:
        """Tell every watcher, and whoever comes, no more."""
        self._over = True
        for watched in self._watched.values():
            watched.wake()

    async def keep(self) -> None:
        """Look for new events, until cancelled. While the database is away it goes on trying."""
        complaint = Complaint(_LOG, "the log cannot be read")
        while True:
            try:
                await self._look()
                complaint.done()
            except RewardsmithError as error:
                complaint.failed(error)
            await asyncio.sleep(_LOOK_S)

    async def watch(self, run: str, after: int, patience_s: float) -> AsyncIterator[Sequence[Line]]:
        """The run's events behind `after`, which is no later than its last, as they come; none after each silence.

        Without an end but that of the tail.

        Args:
            run: Name of the run.
            after: Id in the log.
            patience_s: Seconds that count as a silence.

        Raises:
            StoreError: The events before those that are kept cannot be read.
        """
        while not self._over and (lines := await asyncio.to_thread(self._store.page_of, run, after, _MOST)):
            after = lines[-1].id
            yield lines
        with self._watching(run, after) as watched:
            while not self._over:
                more = watched.more
                if after >= watched.before:
                    lines = watched.behind(after)
                else:
                    lines = await asyncio.to_thread(self._store.page_of, run, after, _MOST)
                if lines:
                    after = lines[-1].id
                    yield lines
                elif not await _came(more, patience_s):
                    yield []

    @contextmanager
    def _watching(self, run: str, after: int) -> Iterator[_Watched]:
        watched = self._watched.setdefault(run, _Watched(before=after, last=after))
        watched.watchers += 1
        try:
            yield watched
        finally:
            watched.watchers -= 1
            if not watched.watchers:
                del self._watched[run]

    async def _look(self) -> None:
        places = {run: watched.last for run, watched in self._watched.items()}
        lines = await asyncio.to_thread(self._store.lines, places) if places else []
        for line in lines:
            watched = self._watched.get(line.run)
            if watched is not None and watched.last < line.id:
                watched.add(line)
        for run in {line.run for line in lines} & self._watched.keys():
            self._watched[run].wake()


async def _came(event: asyncio.Event, patience_s: float) -> bool:
    try:
        async with asyncio.timeout(patience_s):
            await event.wait()
    except TimeoutError:
        return False
    return True
