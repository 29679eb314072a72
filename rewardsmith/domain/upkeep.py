"""What the upkeep of a database found and did, as `db` prints it. Others build on it: fields are only ever added."""

from __future__ import annotations

from rewardsmith.domain.record import Record


class DatabaseState(Record):
    """Which database there is."""

    place: str
    """Path or address, without its password."""
    revision: str | None
    """Revision of its schema; null where there is none yet."""
    damage: str
    """What a check of the whole file found; empty where nothing, or where it is no file."""


class DatabaseFault(Record):
    """Something that is not as it should be."""

    table: str
    """The table."""
    row: str
    """Which row of it, such as a run's name or an event's id; empty where it is the whole."""
    message: str
    """What is wrong."""


class DatabaseCheck(Record):
    """A whole database, read from end to end."""

    place: str
    """Path or address, without its password."""
    revision: str
    """Revision of its schema."""
    rows: dict[str, int]
    """How many rows each table has."""
    faults: tuple[DatabaseFault, ...]
    """What is wrong; at most a hundred."""


class DatabaseMigration(Record):
    """A database that was brought to the present schema."""

    place: str
    """Path or address, without its password."""
    was: str | None
    """Revision of its schema before; null where there was none."""
    revision: str
    """And now."""


class DatabaseCopy(Record):
    """A database whose rows are all in another one, too."""

    source: str
    """Path or address, without its password."""
    target: str
    """Where they are now, too."""
    rows: dict[str, int]
    """How many rows of each table."""
