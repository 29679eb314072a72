"""A whole database, read from end to end: every reference leads somewhere, every event is read, every run folds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, islice
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import Connection, RowMapping, Table, func, select

from rewardsmith.domain.key import KeyLimits
from rewardsmith.domain.prompt import Completion
from rewardsmith.domain.record import Record
from rewardsmith.domain.run import Run
from rewardsmith.domain.upkeep import DatabaseCheck, DatabaseFault
from rewardsmith.errors import StoreError, UsageError, one_line
from rewardsmith.store import log
from rewardsmith.store.database import Database
from rewardsmith.store.schema import HEAD, completions, events, keys, metadata, runs
from rewardsmith.store.soundness import look

_MOST = 100
"""Faults that are told."""


def check(url_or_path: str | Path) -> DatabaseCheck:
    """Read everything, and change nothing.

    Raises:
        UsageError: There is none, or it has an older schema.
        NewerDatabase: Written by a newer rewardsmith.
        StoreError: It cannot be opened, or is another program's.
    """
    found = look(url_or_path)
    if found.revision is None:
        raise UsageError(f"there is no database {found.place} yet", hint="name it: --database URL, or --runs-dir DIR")
    if found.revision != HEAD:
        raise UsageError(f"{found.place} has the schema {found.revision}, not {HEAD}", hint="`rewardsmith db migrate`")
    database = Database(url_or_path)
    try:
        with database.reading(at_one_moment=True) as connection:
            damage = [DatabaseFault(table="", row="", message=found.damage)] if found.damage else []
            faults = (*damage, *islice(_faults(connection), _MOST))
            return DatabaseCheck(place=found.place, revision=HEAD, rows=rows(connection), faults=faults)
    finally:
        database.close()


def rows(connection: Connection) -> dict[str, int]:
    """How many rows each table has."""
    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in metadata.sorted_tables
    }


def _faults(connection: Connection) -> Iterator[DatabaseFault]:
    for table in metadata.sorted_tables:
        yield from _dangling(connection, table)
    noted = {row.id: row.status for row in connection.execute(select(runs.c.id, runs.c.status))}
    ordered = select(events).order_by(events.c.run, events.c.id).execution_options(yield_per=1000)
    for name, rows in groupby(connection.execute(ordered).mappings(), key=lambda row: row["run"]):
        yield from _unfolded(rows, noted.get(name))
    for table, column, record in ((completions, "data", Completion), (keys, "limits", KeyLimits)):
        for row in connection.execute(select(table)).mappings():
            yield from _unread(table, row, column, record)


def _dangling(connection: Connection, table: Table) -> Iterator[DatabaseFault]:
    for key in table.foreign_keys:
        there = key.column.table.alias()
        missing = select(key.parent).outerjoin(there, key.parent == there.c[key.column.name])
        for name in connection.execute(missing.where(there.c[key.column.name].is_(None)).distinct()).scalars():
            message = f"its {key.parent.name} is none of {key.column.table.name}"
            yield DatabaseFault(table=table.name, row=one_line(str(name), 100), message=message)


def _unfolded(rows: Iterator[RowMapping], noted: str | None) -> Iterator[DatabaseFault]:
    """What keeps one run from being folded; what comes behind it is not looked at.

    Or that it does not stand where is `noted` beside it.
    """
    run = Run()
    for row in rows:
        try:
            run.apply(log.read(row))
        except Exception as error:  # whatever a fold raises over events that do not fit
            said = error.message if isinstance(error, StoreError) else f"it does not fit the run: {error!r}"
            place = f"event {row['id']} ({row['kind']}) of the run {row['run']}"
            yield DatabaseFault(table="events", row=one_line(place, 200), message=one_line(said))
            return
    if noted not in (None, run.status):
        message = f"it is noted as {one_line(str(noted), 20)}, and its events say {run.status}"
        yield DatabaseFault(table="runs", row=one_line(row["run"], 100), message=message)


def _unread(table: Table, row: RowMapping, column: str, record: type[Record]) -> Iterator[DatabaseFault]:
    try:
        record.model_validate_json(row[column], strict=True)
    except ValidationError as error:
        place = " ".join(str(row[part.name]) for part in table.primary_key)
        yield DatabaseFault(table=table.name, row=one_line(place, 200), message=one_line(error.errors()[0]["msg"]))
