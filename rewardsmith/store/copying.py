"""All rows of a database into an empty one, of another kind perhaps: all of them, or none."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Table, func, insert, select, text

from rewardsmith.domain.upkeep import DatabaseCopy
from rewardsmith.errors import Conflict, StoreError, UsageError
from rewardsmith.store import leases
from rewardsmith.store.checking import rows
from rewardsmith.store.database import Database
from rewardsmith.store.schema import metadata, now, runs
from rewardsmith.store.soundness import look

_AT_ONCE = 500


def copy(source: str | Path, target: str | Path) -> DatabaseCopy:
    """Copy every row, both databases at the present schema; nobody writes to the source meanwhile.

    Raises:
        UsageError: There is no source.
        Conflict: A run of the source is driven, or the target holds something.
        NewerDatabase: One of them was written by a newer rewardsmith.
        StoreError: One of them cannot be used, or is another program's.
    """
    if look(source).revision is None:
        raise UsageError(f"there is no database {look(source).place} to copy", hint="name the source first")
    here, there = Database(source), Database(target)
    try:
        with here.transaction() as reading, there.transaction() as writing:
            _hold(reading)
            _hold(writing)
            _refuse_driven(reading)
            if any(rows(writing).values()):
                raise Conflict(f"{there.place} is not empty", hint="copy into a new database")
            for table in metadata.sorted_tables:
                _copy(table, reading, writing)
            _go_on_counting(writing)
            copied = rows(writing)
            if copied != rows(reading):
                raise StoreError(f"not every row of {here.place} arrived", hint="nothing was copied; try again")
            return DatabaseCopy(source=here.place, target=there.place, rows=copied)
    finally:
        here.close()
        there.close()


def _hold(connection: Connection) -> None:
    """Keep every other writer out; SQLite does so by itself."""
    if connection.dialect.name == "postgresql":
        names = ", ".join(table.name for table in metadata.sorted_tables)
        connection.execute(text(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE"))


def _refuse_driven(connection: Connection) -> None:
    found = connection.execute(select(runs, now().label("now"))).mappings()
    driven = [str(row["id"]) for row in found if leases.driven(row)]
    if driven:
        raise Conflict(f"the run {driven[0]} is driven now", hint="stop the servers and the runs first")


def _copy(table: Table, source: Connection, target: Connection) -> None:
    found = source.execute(select(table).execution_options(yield_per=_AT_ONCE)).mappings()
    for some in found.partitions():
        target.execute(insert(table), [dict(row) for row in some])


def _go_on_counting(connection: Connection) -> None:
    """New ids follow the copied ones; SQLite sees to it by itself."""
    if connection.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        if (column := table.autoincrement_column) is not None:
            last = connection.execute(select(func.max(column))).scalar()
            if last is not None:
                sequence = func.pg_get_serial_sequence(table.name, column.name)
                connection.execute(select(func.setval(sequence, last)))
