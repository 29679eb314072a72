"""The run's log as the loop sees it: append, and the state is what the events say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rewardsmith.domain.events import Completed, Event, StoredEvent
from rewardsmith.domain.prompt import Completion, CompletionKey
from rewardsmith.domain.run import Run
from rewardsmith.errors import LeaseLost
from rewardsmith.store.leases import Lease
from rewardsmith.store.store import Store

Observer = Callable[[StoredEvent, Run], None]


class Journal:
    """One leased run: every write is fenced, and folded into `run` in the order of the log.

    Methods raise LeaseLost when another process has taken the run over, StoreError when the database fails.
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
        async with self._one_at_a_time:
            with self._fenced():
                stored = await asyncio.to_thread(self._store.append, self._lease, events)
            self._take(stored)

    async def listen(self) -> None:
        """Take into account what others have sent since."""
        async with self._one_at_a_time:
            sent = await asyncio.to_thread(self._store.feedback, self.run_name, after=self._listened)
            self._take(sent)
            self._listened = max((event.id for event in sent), default=self._listened)

    async def completion(self, key: CompletionKey) -> Completion | None:
        """The stored completion at this place, so that none is paid twice."""
        stored = await asyncio.to_thread(self._store.completion, self.run_name, key)
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
        async with self._one_at_a_time:
            with self._fenced():
                stored = await asyncio.to_thread(
                    self._store.store_completion, self._lease, key, prompt_hash, completion, (event,)
                )
            self._take(stored)

    async def renew(self) -> bool:
        """Keep the lease; true when someone asked to cancel the run."""
        with self._fenced():
            return await asyncio.to_thread(self._store.renew, self._lease)

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
