"""The database: opened, brought to its newest shape under a lock, and entered by one kind of transaction."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from rewardsmith.errors import MissingExtra, NewerDatabase, StoreError, UsageError
from rewardsmith.store.schema import HEAD, REVISIONS

_BUSY_S = 30
_MIGRATION_LOCK = 7_246_093_551
"""Any number that no other program on the same server takes for its advisory lock."""


class Database:
    """One database: a SQLite file, or an address of SQLAlchemy's kind. Safe to use from many threads."""

    def __init__(self, url_or_path: str | Path) -> None:
        """Open and migrate it; a file is created where there is none.

        Raises:
            NewerDatabase: Written by a newer rewardsmith.
            StoreError: It cannot be opened, is corrupt, or is another program's.
            MissingExtra: Its kind needs a package that is not installed.
        """
        given = str(url_or_path)
        self.place = _without_password(given)
        self._engine = _engine(given)
        try:
            self._migrate()
        except BaseException:
            self._engine.dispose()
            raise

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction that alone may write (on SQLite); committed at the end, rolled back on any exception.

        Raises:
            StoreError: The database cannot be used: full, read-only, corrupt or locked, with the next step.
        """
        try:
            with self._engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise _store_error(self.place, error) from error

    def close(self) -> None:
        """Let go of every connection."""
        self._engine.dispose()

    def _migrate(self) -> None:
        with self.transaction() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _MIGRATION_LOCK})
            tables = set(inspect(connection).get_table_names())
            revision = None
            if "alembic_version" in tables:
                revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            elif tables:
                raise StoreError(
                    f"{self.place} is another program's database (it has a table {min(tables)!r})",
                    hint="name another file for the runs",
                )
            if revision is not None and revision not in REVISIONS:
                raise NewerDatabase(
                    f"{self.place} was written by a newer rewardsmith (its revision is {revision}, ours {HEAD})",
                    hint="upgrade: pip install -U rewardsmith",
                )
            if revision != HEAD:
                _upgrade(connection)


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _engine(given: str) -> Engine:
    if "://" in given and not given.startswith("sqlite:"):
        try:
            return create_engine(given, pool_pre_ping=True)
        except ModuleNotFoundError as error:
            raise MissingExtra(
                f"the database {_without_password(given)} needs the package {error.name}",
                hint=f"pip install '{error.name}[binary]'" if error.name == "psycopg" else f"pip install {error.name}",
            ) from error
        except ArgumentError as error:
            raise UsageError(f"{_without_password(given)!r} is no address of a database: {error}") from error
    path = Path(given.removeprefix("sqlite:///")).absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make the folder {path.parent}: {error.strerror}", hint=_hint("")) from error
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(url, connect_args={"timeout": _BUSY_S}, max_overflow=-1)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _without_password(given: str) -> str:
    """The address as it may be shown."""
    return re.sub(r"(?<=//)[^/@]*@", "", given)


def _prepare(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # no transaction of the driver's own: ours begin with BEGIN IMMEDIATE
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _store_error(place: str, error: DBAPIError) -> StoreError:
    said: Any = error.orig
    return StoreError(f"the database {place} cannot be used: {said}", hint=_hint(str(said)))


def _hint(said: str) -> str:
    if "not a database" in said or "malformed" in said:
        return "the file is damaged: move it away or restore a copy; the folders beside it keep every reward and report"
    if "full" in said or "disk I/O" in said:
        return "the disk is full or failing: free some space, then `rewardsmith resume`"
    if "readonly" in said or "unable to open" in said:
        return "make the folder and the file writable, or name another folder for the runs"
    if "locked" in said:
        return "another process has held the database for 30 s; is one of them stopped?"
    return "is the folder there, and writable?"
