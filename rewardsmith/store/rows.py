"""Runs as lists show them: where each stands in the log and in the queue, without what it is about."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, select, true, tuple_

from rewardsmith.domain.result import Status
from rewardsmith.domain.run import ENDED
from rewardsmith.store import leases
from rewardsmith.store.leases import Owner
from rewardsmith.store.schema import events, now, of_asker, runs

_ORDER = (runs.c.created, runs.c.id)


@dataclass(frozen=True)
class RunRow:
    """A run as the store knows it; what it is about, its events tell."""

    id: str
    created: float
    """Seconds since 1970 by the clock of the database."""
    updated: float
    """Time of its last event, or of its creation."""
    last_event: int
    """Id of its last event; 0 where it has none."""
    owner: Owner | None
    """Who holds it, dead or alive."""
    alive: bool
    """Whether that owner drives it now: its lease is good and it is not known to be dead."""
    cancel: bool
    """Whether it is to be cancelled."""
    waits: bool
    """Whether it is queued, and nobody drives it."""
    asker: str
    """Name of the key that it belongs to; empty for none."""


def one(connection: Connection, run: str) -> RunRow:
    """One run. Raises UnknownName."""
    row = connection.execute(_rows().where(runs.c.id == run)).mappings().first()
    if row is None:
        raise leases.unknown(connection, run)
    return _run(row)


def every(connection: Connection, asker: str | None) -> list[RunRow]:
    """Every run, or those of one key; the newest last."""
    return [_run(row) for row in connection.execute(_rows().where(of_asker(asker)).order_by(*_ORDER)).mappings()]


def page(
    connection: Connection, after: str | None, most: int, asker: str | None, status: Status | None
) -> list[RunRow]:
    """See `Store.page`."""
    newest = [part.desc() for part in _ORDER]
    chosen = select(runs.c.id).where(of_asker(asker), _may_be(status)).order_by(*newest).limit(most)
    if after is not None:
        place = connection.execute(select(*_ORDER).where(runs.c.id == after, of_asker(asker))).first()
        if place is None:
            raise leases.unknown(connection, after, where="cursor", asker=asker)
        chosen = chosen.where(tuple_(*_ORDER) < tuple_(*place))
    names = connection.execute(chosen).scalars().all()
    return [_run(row) for row in connection.execute(_rows().where(runs.c.id.in_(names)).order_by(*newest)).mappings()]


def _may_be(status: Status | None) -> ColumnElement[bool]:
    """Whether a run may stand there: one that waits is queued, whatever its last event says."""
    if status is None:
        return true()
    if status == "queued":
        return runs.c.status.not_in(ENDED) & ((runs.c.status == "queued") | runs.c.queued.is_not(None))
    return runs.c.status == status


def _rows() -> Select[tuple[object, ...]]:
    every = events.alias()
    newest = select(func.max(every.c.id)).where(every.c.run == runs.c.id).correlate(runs).scalar_subquery()
    last = (events.c.time.label("last"), events.c.id.label("last_event"))
    return select(runs, *last, now().label("now")).select_from(runs.outerjoin(events, events.c.id == newest))


def _run(row: RowMapping) -> RunRow:
    alive, last = leases.driven(row), row["last"] or row["created"]
    return RunRow(
        id=row["id"],
        created=row["created"],
        updated=last,
        last_event=row["last_event"] or 0,
        owner=leases.owner_of(row),
        alive=alive,
        cancel=bool(row["cancel"]),
        waits=row["queued"] is not None and not alive,
        asker=row["asker"],
    )
