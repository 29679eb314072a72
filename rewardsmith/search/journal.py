"""The run's log as the loop sees it: append, and the state is what the events say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rewardsmith.domain.events import Completed, Event, StoredEvent
from rewardsmith.domain.prompt import Completion, CompletionKey
from rewardsmith.domain.run import Run
from rewardsmith.errors import DatabaseAway, DepotAway, ExecutorAway, LeaseLost
from rewardsmith.store.leases import Lease
from rewardsmith.store.store import Store

Observer = Callable[[StoredEvent, Run], None]
T = TypeVar("T")

PATIENCE_S = 60.0
"""How long a database that is away is waited for."""
PAUSE_S = 0.5


class Journal:
    """One leased run: every write is fenced, and folded into `run` in the order of the log.

    Methods raise LeaseLost when another process has taken the run over, StoreError when the database fails, or stays
    away for more than a minute.
    """

    def __init__(self, store: Store, lease: Lease, run: Run, observe: Observer) -> None:
        self.run = run
        self.lost = False
        """True once another process drives the run: its runners are left alone."""
        self._store = store
        self._lease = lease
        self._observe = observe
        self._one_at_a_time = asyncio.Lock()
        self._listened = run.last_event

    async def append(self, *events: Event) -> None:
        """Store events and take them into account."""
        await self._write(events, self._store.append, self._lease, events)

    async def listen(self) -> None:
        """Take into account what others have sent since."""
        async with self._one_at_a_time:
            sent = await self.patiently(lambda: self._store.feedback(self.run_name, after=self._listened))
            self._take(sent)
            self._listened = max((event.id for event in sent), default=self._listened)

    async def completion(self, key: CompletionKey) -> Completion | None:
        """The stored completion at this place, so that none is paid twice."""
        stored = await self.patiently(lambda: self._store.completion(self.run_name, key))
        return stored.completion if stored else None

    async def keep(
        self, key: CompletionKey, prompt_hash: str, completion: Completion, cut: tuple[str, ...] = ()
    ) -> None:
        """Store a completion before anything uses it; `cut` is what its prompt left out to fit the model's window."""
        event = Completed(
            key=key,
            model=completion.model,
            author=completion.author,
            prompt_hash=prompt_hash,
            recorded_hash=completion.recorded_hash,
            tokens=completion.prompt_tokens + completion.completion_tokens,
            dollars=completion.dollars,
            cut=cut,
        )
        write = self._store.store_completion
        await self._write((event,), write, self._lease, key, prompt_hash, completion, (event,))

    async def renew(self) -> None:
        """Keep the lease."""
        with self._fenced():
            await self.patiently(lambda: self._store.renew(self._lease))

    async def cancelled(self) -> bool:
        """Whether someone asked to cancel the run."""
        return (await self.patiently(lambda: self._store.row(self.run_name))).cancel

    async def _write(self, events: Sequence[Event], write: Callable[..., list[StoredEvent]], *what: object) -> None:
        """Write once: where the database went away meanwhile, first see whether it has the events."""

        def again() -> list[StoredEvent]:
            there = self._store.events(self.run_name, after=self.run.last_event)
            ours = [stored for stored in there if stored.event in events]
            return ours if len(ours) == len(events) else write(*what)

        async with self._one_at_a_time:
            with self._fenced():
                try:
                    stored = await asyncio.to_thread(write, *what)
                except DatabaseAway:
                    stored = await self.patiently(again)
            self._take(stored)

    async def patiently(self, ask: Callable[[], T]) -> T:
        """What `ask` gives; while the database, the depot or the cluster is away, it is asked again for a while."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + PATIENCE_S
        while True:
            try:
                return await asyncio.to_thread(ask)
            except (DatabaseAway, DepotAway, ExecutorAway):
                if clock() >= deadline:
                    raise
            await asyncio.sleep(PAUSE_S)

    @contextmanager
    def _fenced(self) -> Iterator[None]:
        try:
            yield
        except LeaseLost:
            self.lost = True
            raise

    @property
    def run_name(self) -> str:
        """Name of the run."""
        return self._lease.run

    def _take(self, stored: list[StoredEvent]) -> None:
        for event in stored:
            self.run.apply(event)
            self._observe(event, self.run)
