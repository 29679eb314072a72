"""Runs that wait for a driver: taken in the order in which they were asked for, at most so many at once.

The run of a key that has as many driven as it may is passed over, and holds nobody up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, Select, func, insert, select, update

from rewardsmith.domain.events import Event, StatusChanged
from rewardsmith.domain.key import EVERYONE, NOTHING, Caller, KeyLimits, Reserve
from rewardsmith.errors import Conflict
from rewardsmith.store import allowance, leases, log
from rewardsmith.store.database import Database
from rewardsmith.store.keys import limits_of
from rewardsmith.store.leases import Lease, Owner
from rewardsmith.store.schema import check_name, now, runs


@dataclass(frozen=True)
class Waiting:
    """How the queue stands."""

    waiting: int
    """Runs that nobody drives."""
    ready: int
    """Those of them that their keys' limits let be driven now."""
    drivers: tuple[Owner, ...]
    """Who drives the others."""


class Queue:
    """The runs of one database that are to be driven by whoever has room."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def submitted(self, submission: str, digest: str, caller: Caller = EVERYONE) -> str | None:
        """The run that this caller submitted under `submission`; None where there is none.

        Raises:
            Conflict: What was asked under it had another `digest`.
        """
        with self._database.reading() as connection:
            return _submitted(connection, submission, digest, caller)

    def submit(
        self,
        run: str,
        first: Sequence[Event],
        *,
        submission: str | None = None,
        digest: str = "",
        caller: Caller = EVERYONE,
        reserve: Reserve = NOTHING,
    ) -> str:
        """Add a run with its first events, to be driven; all or nothing.

        Args:
            run: Name of the run.
            first: Its first events.
            submission: What the caller calls this request; asked twice, it is one run.
            digest: Hash of the request.
            caller: Whose run it is.
            reserve: The most that it may take.

        Returns:
            Name of the run: this one, or the one that `submission` stands for already.

        Raises:
            Conflict: There is a run of that name, or `submission` stands for another request.
            LimitReached: The caller's key has used what it may have within a day.
            UsageError: The name cannot be a folder's, or the key may never take so much.
        """
        check_name(run)
        with self._database.transaction() as connection:
            known = _submitted(connection, submission, digest, caller) if submission else None
            if known is not None:
                return known
            if connection.execute(select(runs.c.id).where(runs.c.id == run)).first() is not None:
                raise Conflict(f"the name {run!r} is taken", hint="take another name, or none")
            allowance.check(connection, caller, reserve)
            values = {"id": run, "created": now(), "queued": now(), "submission": submission, "digest": digest}
            connection.execute(insert(runs).values(**values, asker=caller.name, **reserve.model_dump()))
            log.write(connection, run, first)
        return run

    def add(self, run: str) -> None:
        """Have a run driven that is there already; it keeps its place where it waits. Raises UnknownName."""
        with self._database.transaction() as connection:
            if leases.row_of(connection, run)["queued"] is None:
                connection.execute(update(runs).where(runs.c.id == run).values(queued=now(), claims=0))

    def take(self, owner: Owner, *, most: int, ttl_s: float = 30.0, max_claims: int = 20) -> Lease | None:
        """Claim the run whose turn it is; None where none waits, or the owner's host drives `most` already.

        A run that `max_claims` owners took in a row without ever releasing it is paused instead.
        """
        with self._database.transaction() as connection:
            rows = connection.execute(_queued().with_for_update()).mappings().all()  # so that takers take turns
            drivers = (leases.owner_of(row) for row in rows if leases.driven(row))
            if sum(driver is not None and driver.host == owner.host for driver in drivers) >= most:
                return None
            for row in _ready(rows, limits_of(connection), _served(connection)):
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
            ready = _ready(rows, limits_of(connection), Counter())
        owners = [leases.owner_of(row) for row in rows if leases.driven(row)]
        return Waiting(len(rows) - len(owners), len(ready), tuple(owner for owner in owners if owner))


def _queued() -> Select[tuple[object, ...]]:
    """Every run of the queue, the longest waiting first."""
    waits = runs.c.queued.is_not(None)
    return select(runs, now().label("now")).where(waits).order_by(runs.c.queued, runs.c.id)


def _ready(rows: Sequence[RowMapping], limits: Mapping[str, KeyLimits], served: Counter[str]) -> list[RowMapping]:
    """The runs of the queue that nobody drives and somebody may, side by side.

    First those of whom has been `served` least, so that many runs of one asker keep no other's first waiting; then in
    the order of the queue.
    """
    driven = Counter(row["asker"] for row in rows if leases.driven(row))
    ready: list[tuple[int, RowMapping]] = []
    for row in rows:
        asker = row["asker"]
        most = limits[asker].runs_at_once if asker in limits else None
        if not leases.driven(row) and (most is None or driven[asker] < most):
            ready.append((served[asker], row))
            driven[asker] += 1
            served[asker] += 1
    return [row for _, row in sorted(ready, key=lambda each: each[0])]


def _served(connection: Connection) -> Counter[str]:
    """How many of each asker's runs that were submitted within a day have been claimed."""
    of_today = (runs.c.created > now() - allowance.DAY_S) & (runs.c.epoch > 0)
    counted = select(runs.c.asker, func.count()).where(of_today).group_by(runs.c.asker)
    return Counter({row[0]: row[1] for row in connection.execute(counted)})


def _submitted(connection: Connection, submission: str, digest: str, caller: Caller) -> str | None:
    mine = (runs.c.asker == caller.name) & (runs.c.submission == submission)
    row = connection.execute(select(runs.c.id, runs.c.digest).where(mine)).first()
    if row is None:
        return None
    if row.digest != digest:
        raise Conflict(
            f"the key {submission!r} was used for another request, which is run {row.id}",
            hint="take a new Idempotency-Key for a new request",
        )
    return str(row.id)
