"""The log: rows of the table `events`, written and read back as the events that they are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy import Connection, RowMapping, insert, update

from rewardsmith.domain.events import EVENT, Event, StatusChanged, StoredEvent
from rewardsmith.domain.run import ENDED
from rewardsmith.errors import StoreError
from rewardsmith.store.schema import events, now, runs


def write(connection: Connection, run: str, new: Sequence[Event]) -> list[StoredEvent]:
    """Append events to a run's log; what they say of where it stands is noted beside the run.

    Raises ValueError where one would not be read back as it is.
    """
    stored = []
    for item in new:
        data = EVENT.dump_json(item).decode()
        try:
            EVENT.validate_json(data, strict=True)
        except ValidationError as error:
            raise ValueError(f"the event {item.kind!r} cannot be stored: {error}") from error
        added = insert(events).values(run=run, time=now(), kind=item.kind, data=data)
        row = connection.execute(added.returning(events.c.id, events.c.time)).one()
        stored.append(StoredEvent(id=row.id, time=row.time, event=item))
        if isinstance(item, StatusChanged):
            connection.execute(update(runs).where(runs.c.id == run).values(status=item.status))
    return stored


@dataclass(frozen=True)
class Line:
    """An event as it stands in the log, unread."""

    id: int
    """Increasing; unique in the database."""
    run: str
    """Name of its run."""
    time: float
    """Seconds since 1970 by the clock of the database."""
    kind: str
    """Kind of event."""
    data: str
    """The event as JSON, in one line."""

    @property
    def json(self) -> str:
        """What a `StoredEvent` of it is in JSON."""
        return f'{{"id":{self.id},"time":{self.time!r},"event":{self.data}}}'

    @property
    def ends(self) -> bool:
        """Whether it is a run's last."""
        return self.kind == "status_changed" and json.loads(self.data)["status"] in ENDED


def read(row: RowMapping) -> StoredEvent:
    """The event of a row. Raises StoreError where this version cannot read it."""
    try:
        return StoredEvent(id=row["id"], time=row["time"], event=EVENT.validate_json(row["data"], strict=True))
    except ValidationError as error:
        raise StoreError(
            f"event {row['id']} ({row['kind']}) of the run {row['run']!r} cannot be read: {error.errors()[0]['msg']}",
            hint="was it written by another version of rewardsmith?",
        ) from error
