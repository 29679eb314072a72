"""The store: an append-only log of events per run, the completions, and who drives which run.

Synchronous and safe to use from many threads; asynchronous callers go through `asyncio.to_thread`. A change of state
and the event that tells of it are one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import BigInteger, Select, Text, and_, column, insert, select, update, values
from sqlalchemy.exc import IntegrityError

from rewardsmith.domain.events import AttemptEnded, Event, FeedbackGiven, StoredEvent
from rewardsmith.domain.prompt import Completion, CompletionKey
from rewardsmith.domain.result import Status
from rewardsmith.domain.run import ENDED
from rewardsmith.errors import Conflict, LeaseLost, StoreError
from rewardsmith.store import leases, log, rows
from rewardsmith.store.database import Database
from rewardsmith.store.keys import Keys
from rewardsmith.store.leases import Lease, Owner
from rewardsmith.store.log import Line
from rewardsmith.store.queue import Queue
from rewardsmith.store.rows import RunRow
from rewardsmith.store.schema import check_name, completions, events, now, runs

__all__ = ["Lease", "Owner", "RunRow", "Store", "StoredCompletion"]


@dataclass(frozen=True)
class StoredCompletion:
    """A completion with its place and the hash of the prompt that it answers."""

    key: CompletionKey
    prompt_hash: str
    completion: Completion


class Store:
    """Events, completions and leases of all runs in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.queue = Queue(database)
        """The runs that wait for a driver."""
        self.keys = Keys(database)
        """Who may use the service."""

    @classmethod
    def open(cls, url_or_path: str | Path, *, patient: bool = False) -> Store:
        """Open the store, creating and migrating its database as needed.

        Args:
            url_or_path: Address or path.
            patient: Whether a database that is away now is opened when it is first there.

        Raises:
            NewerDatabase: Written by a newer rewardsmith.
            StoreError: It cannot be opened, is corrupt, or is another program's.
        """
        return cls(Database(url_or_path, patient=patient))

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def create(self, run: str) -> None:
        """Add a run without events.

        Raises:
            Conflict: There is one of that name.
            UsageError: The name cannot be a folder's.
        """
        check_name(run)
        try:
            with self._database.transaction() as connection:
                connection.execute(insert(runs).values(id=run, created=now()))
        except StoreError as error:
            if not isinstance(error.__cause__, IntegrityError):
                raise
            raise Conflict(f"there is a run {run!r} already", hint=f"`rewardsmith resume {run}`") from error

    def claim(self, run: str, *, owner: Owner, ttl_s: float = 30.0, max_claims: int = 20) -> Lease:
        """Take the run for `ttl_s` seconds, at once if its last owner is known to be dead.

        Raises:
            UnknownName: There is no such run.
            RunBusy: A live owner holds it.
            StoreError: `max_claims` owners took it in a row without ever releasing it.
        """
        with self._database.transaction() as connection:
            return leases.claim(connection, run, owner, ttl_s, max_claims)

    def renew(self, lease: Lease) -> bool:
        """Prolong the lease by its `ttl_s` from now; true if the run is to be cancelled. Raises LeaseLost."""
        with self._database.transaction() as connection:
            return leases.renew(connection, lease)

    def release(self, lease: Lease, *, again: bool = False) -> bool:
        """Give the run back and forget how often it was claimed; does nothing if the lease is lost.

        It leaves the queue, unless it is to be driven `again`. Returns whether somebody asked to cancel it and no next
        driver in the queue will be told.
        """
        try:
            with self._database.transaction() as connection:
                return leases.release(connection, lease, again=again)
        except LeaseLost:
            return False

    def request_cancel(self, run: str) -> None:
        """Ask whoever drives the run, now or next, to cancel it. Raises UnknownName."""
        with self._database.transaction() as connection:
            leases.row_of(connection, run)
            connection.execute(update(runs).where(runs.c.id == run).values(cancel=1))

    def append(self, lease: Lease, new: Sequence[Event]) -> list[StoredEvent]:
        """Append events, all or none.

        Raises:
            LeaseLost: Another process took the run over; nothing was written.
            ValueError: An event would not be read back as it is (a number that is not finite, say).
        """
        with self._database.transaction() as connection:
            leases.fence(connection, lease)
            if any(isinstance(event, AttemptEnded) and event.report for event in new):
                leases.succeed(connection, lease.run)
            return log.write(connection, lease.run, new)

    def events(self, run: str, *, after: int = 0) -> list[StoredEvent]:
        """The run's events with ids above `after`, in order; none for an unknown run.

        Raises:
            StoreError: An event is not one that this version can read.
        """
        query = select(events).where(events.c.run == run, events.c.id > after).order_by(events.c.id)
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [log.read(row) for row in rows]

    def feed(self, run: str, feedback: FeedbackGiven) -> StoredEvent:
        """Append a person's words, whoever drives the run: its driver looks for them after each generation.

        Raises:
            UnknownName: There is no such run.
            Conflict: It has ended, or writes no more rewards.
        """
        with self._database.transaction() as connection:
            status = leases.row_of(connection, run)["status"]
            if status in ENDED:
                raise Conflict(f"run {run} is {status} already", hint="submit a new one")
            over = select(events.c.id).where(events.c.run == run, events.c.kind == "search_ended").limit(1)
            if connection.execute(over).first() is not None:
                raise Conflict(
                    f"run {run} writes no more rewards: its winner is being confirmed",
                    hint="submit a new one that starts from its reward",
                )
            return log.write(connection, run, [feedback])[0]

    def feedback(self, run: str, *, after: int) -> list[StoredEvent]:
        """What people sent about the run, with ids above `after`, in order."""
        query = select(events).where(events.c.run == run, events.c.kind == "feedback_given", events.c.id > after)
        with self._database.transaction() as connection:
            return [log.read(row) for row in connection.execute(query.order_by(events.c.id)).mappings()]

    def lines(self, places: Mapping[str, int]) -> list[Line]:
        """All events of these runs, each run's behind its place in the log, unread and in order."""
        given = values(column("run", Text), column("place", BigInteger)).data([*places.items()]).cte("places")
        query = select(events).join(given, (events.c.run == given.c.run) & (events.c.id > given.c.place))
        with self._database.reading() as connection:
            found = [Line(**row) for row in connection.execute(query).mappings()]
        return sorted(found, key=lambda line: line.id)

    def page_of(self, run: str, after: int, most: int) -> list[Line]:
        """The run's first `most` events with ids above `after`, unread and in order."""
        query = select(events).where(events.c.run == run, events.c.id > after).order_by(events.c.run, events.c.id)
        with self._database.reading() as connection:
            return [Line(**row) for row in connection.execute(query.limit(most)).mappings()]

    def completion(self, run: str, key: CompletionKey) -> StoredCompletion | None:
        """The completion under `key`; absent when none is stored."""
        with self._database.reading() as connection:
            row = connection.execute(_completion(run, key)).mappings().first()
        if row is None:
            return None
        return StoredCompletion(key, row["prompt_hash"], Completion.model_validate_json(row["data"], strict=True))

    def store_completion(
        self, lease: Lease, key: CompletionKey, prompt_hash: str, completion: Completion, new: Sequence[Event] = ()
    ) -> list[StoredEvent]:
        """Store a completion and the events that tell of it; nothing at all if `key` has one already.

        Returns:
            The events as stored; empty where the key had a completion, which `completion(...)` gives.

        Raises:
            LeaseLost: Another process took the run over; nothing was written.
        """
        with self._database.transaction() as connection:
            leases.fence(connection, lease)
            if connection.execute(_completion(lease.run, key)).first() is not None:
                return []
            given = {"run": lease.run, "prompt_hash": prompt_hash, "data": completion.model_dump_json()}
            connection.execute(insert(completions).values(**given, **key.model_dump()))
            return log.write(connection, lease.run, new)

    def row(self, run: str) -> RunRow:
        """One run. Raises UnknownName."""
        with self._database.reading() as connection:
            return rows.one(connection, run)

    def asker(self, run: str) -> str | None:
        """Name of the key that the run belongs to, empty for none; absent where there is no such run."""
        with self._database.reading() as connection:
            found = connection.execute(select(runs.c.asker).where(runs.c.id == run)).scalar()
        return None if found is None else str(found)

    def runs(self, asker: str | None = None) -> list[RunRow]:
        """Every run, or those that belong to the key `asker`; the newest last."""
        with self._database.reading() as connection:
            return rows.every(connection, asker)

    def page(
        self, after: str | None, most: int, *, asker: str | None = None, status: Status | None = None
    ) -> list[RunRow]:
        """Up to `most` runs, the newest first, from behind the run `after`; of the key `asker` alone where it is named.

        With a `status` all that may have it, and others only where nobody knows yet whether they are driven.

        Raises UnknownName.
        """
        with self._database.reading() as connection:
            return rows.page(connection, after, most, asker, status)


def _completion(run: str, key: CompletionKey) -> Select[tuple[object, ...]]:
    place = {"run": run, **key.model_dump()}
    return select(completions).where(and_(*(completions.c[name] == value for name, value in place.items())))
