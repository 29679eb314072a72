"""A look at a database that leaves it as it is: whether the store could be opened, and whether anything is damaged."""

from __future__ import annotations

import os
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from rewardsmith.errors import StoreError
from rewardsmith.store.database import (
    begin,
    engine_of,
    revision_of,
    sqlite_path,
    store_error,
    without_password,
)

_BUSY_S = 2
_PATIENCE_S = 5
_CHECK_S = 3.0
_STEPS = 10_000
"""Steps of SQLite between two looks at the clock."""


@dataclass(frozen=True)
class Soundness:
    """What there is."""

    place: str
    """Path or address, without its password."""
    revision: str | None
    """Revision of its schema; None where there is nothing yet."""
    damage: str = ""
    """What a check of the whole file found; empty where nothing, or where it is no file."""
    unchecked: bool = False
    """Whether that check was left off for the time that it takes."""


def look(url_or_path: str | Path) -> Soundness:
    """Look at a database, and try whether it can be written, without writing.

    Raises:
        NewerDatabase: Written by a newer rewardsmith.
        StoreError: It cannot be opened or written, is corrupt, or is another program's; or there is none, and none
            can be made.
        MissingExtra: Its kind needs a package that is not installed.
        UsageError: It is no address.
    """
    given = str(url_or_path)
    place, path = without_password(given), sqlite_path(given)
    try:
        if path is None:
            engine = engine_of(given, patience_s=_PATIENCE_S)
            try:
                with engine.connect() as connection:
                    return Soundness(place, revision_of(connection, place))
            finally:
                engine.dispose()
        if not path.exists():
            refuse_unwritable(path.parent)
            return Soundness(str(path), None)
        return _look_at_file(path)
    except DBAPIError as error:
        raise store_error(place, error) from error


def refuse_unwritable(folder: Path) -> None:
    """Raise StoreError unless files can be made in the folder, or the folder where there is none; leaves nothing."""
    there = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
    if not there.is_dir():
        raise StoreError(f"{there} is no folder", hint="name another: --runs-dir DIR")
    trial = there / f".rewardsmith-{os.getpid()}-{time.monotonic_ns()}"
    try:
        trial.touch(exist_ok=False)
        trial.unlink()
    except OSError as error:
        which = f"there is no {folder}, and nothing can be written into {there}"
        which = which if there != folder else f"nothing can be written into {folder}"
        raise StoreError(
            f"{which}: {error.strerror}", hint="make it writable, or name another folder: --runs-dir DIR"
        ) from error


def _look_at_file(path: Path) -> Soundness:
    url = URL.create("sqlite", database=f"file:{quote(str(path))}", query={"mode": "rw", "uri": "true"})
    engine = create_engine(url, connect_args={"timeout": _BUSY_S}, poolclass=NullPool)
    event.listen(engine, "connect", _without_transactions)
    event.listen(engine, "begin", begin)
    with engine.connect() as connection:
        revision = revision_of(connection, str(path))
        connection.rollback()
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            raw: Any = connection.connection.dbapi_connection
            deadline = time.monotonic() + _CHECK_S
            raw.set_progress_handler(lambda: int(time.monotonic() > deadline), _STEPS)
            said = str(connection.execute(text("PRAGMA quick_check(1)")).scalar())
    except DBAPIError as error:
        if "interrupted" in str(error.orig):
            return Soundness(str(path), revision, unchecked=True)
        return Soundness(str(path), revision, damage=str(error.orig))
    return Soundness(str(path), revision, damage="" if said == "ok" else said)


def _without_transactions(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None
