"""Runs that wait for a driver: taken in the order in which they were asked for, at most so many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Select, insert, select, update

from rewardsmith.domain.events import Event, StatusChanged
from rewardsmith.errors import Conflict
from rewardsmith.store import leases, log
from rewardsmith.store.database import Database
from rewardsmith.store.leases import Lease, Owner
from rewardsmith.store.schema import check_name, now, runs


@dataclass(frozen=True)
class Waiting:
    """How the queue stands."""

    waiting: int
    """Runs that nobody drives."""
    drivers: tuple[Owner, ...]
    """Who drives the others."""


class Queue:
    """The runs of one database that are to be driven by whoever has room."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def submitted(self, key: str, digest: str) -> str | None:
        """The run that was submitted under `key`; None where there is none.

        Raises:
            Conflict: What was asked under it had another `digest`.
        """
        with self._database.reading() as connection:
            return _submitted(connection, key, digest)

    def submit(self, run: str, first: Sequence[Event], *, key: str | None = None, digest: str = "") -> str:
        """Add a run with its first events, to be driven; all or nothing.

        Args:
            run: Name of the run.
            first: Its first events.
            key: What the asker calls this request; asked twice, it is one run.
            digest: Hash of the request.

        Returns:
            Name of the run: this one, or the one that `key` stands for already.

        Raises:
            Conflict: There is a run of that name, or `key` stands for another request.
            UsageError: The name cannot be a folder's.
        """
        check_name(run)
        with self._database.transaction() as connection:
            known = _submitted(connection, key, digest) if key else None
            if known is not None:
                return known
            if connection.execute(select(runs.c.id).where(runs.c.id == run)).first() is not None:
                raise Conflict(f"there is a run {run!r} already", hint="take another name, or none")
            values = {"id": run, "created": now(), "queued": now(), "submission": key, "digest": digest}
            connection.execute(insert(runs).values(**values))
            log.write(connection, run, first)
        return run

    def add(self, run: str) -> None:
        """Have a run driven that is there already; it keeps its place where it waits. Raises UnknownName."""
        with self._database.transaction() as connection:
            if leases.row_of(connection, run)["queued"] is None:
                connection.execute(update(runs).where(runs.c.id == run).values(queued=now(), claims=0))

    def take(self, owner: Owner, *, most: int, ttl_s: float = 30.0, max_claims: int = 20) -> Lease | None:
        """Claim the run that has waited longest; None where none waits, or `most` of the queue are driven already.

        A run that `max_claims` owners took in a row without ever releasing it is paused instead.
        """
        with self._database.transaction() as connection:
            rows = connection.execute(_queued().with_for_update()).mappings().all()  # so that takers take turns
            free = [row for row in rows if not leases.driven(row)]
            if len(rows) - len(free) >= most:
                return None
            for row in free:
                if row["claims"] < max_claims:
                    return leases.claim(connection, row["id"], owner, ttl_s, max_claims)
                reason = f"{row['claims']} processes took the run and ended without a word"
                log.write(connection, row["id"], [StatusChanged(status="paused", reason=reason)])
                connection.execute(update(runs).where(runs.c.id == row["id"]).values(queued=None))
        return None

    def standing(self) -> Waiting:
        """How many wait, and who drives the others."""
        with self._database.reading() as connection:
            rows = connection.execute(_queued()).mappings().all()
        owners = [leases.owner_of(row) for row in rows if leases.driven(row)]
        return Waiting(len(rows) - len(owners), tuple(owner for owner in owners if owner))


def _queued() -> Select[tuple[object, ...]]:
    """Every run of the queue, the longest waiting first."""
    waits = runs.c.queued.is_not(None)
    return select(runs, now().label("now")).where(waits).order_by(runs.c.queued, runs.c.id)


def _submitted(connection: Connection, key: str, digest: str) -> str | None:
    row = connection.execute(select(runs.c.id, runs.c.digest).where(runs.c.submission == key)).first()
    if row is None:
        return None
    if row.digest != digest:
        raise Conflict(
            f"the key {key!r} was used for another request, which is run {row.id}",
            hint="take a new Idempotency-Key for a new request",
        )
    return str(row.id)
