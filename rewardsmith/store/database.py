"""The database: opened, brought to its newest shape under a lock, and entered to write or only to read."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.pool import ConnectionPoolEntry

from rewardsmith.errors import DatabaseAway, MissingExtra, NewerDatabase, StoreError, UsageError, one_line
from rewardsmith.store.schema import HEAD, REVISIONS

_BUSY_S = 30
_REACH_S = 10
_AWAY = ("08", "53300", "57P")
"""How the codes of Postgres begin that say that it has no connection to give: lost, too many, or it is ending."""
_REFUSED = re.compile(
    "password authentication failed|no password supplied|no pg_hba.conf entry"
    "|FATAL: .*(database|role) .* does not exist"
)
"""What it says to whom it will not let in, however often he comes."""
_NOWHERE = re.compile("failed to resolve host|could not translate host name")
_READING: dict[str, Any] = {"reads": True}
_POSTGRES: dict[bool, dict[str, Any]] = {
    True: {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
    False: {"isolation_level": "AUTOCOMMIT"},
}
"""How a connection that only reads is told so."""
_MIGRATION_LOCK = 7_246_093_551
"""Any number that no other program on the same server takes for its advisory lock."""


class Database:
    """One database: a SQLite file, or an address of SQLAlchemy's kind. Safe to use from many threads."""

    def __init__(self, url_or_path: str | Path, *, patient: bool = False) -> None:
        """Open and migrate it; a file is created where there is none.

        Args:
            url_or_path: Address or path.
            patient: Whether one that is away now is opened when it is first there; until then every use of it raises
                DatabaseAway.

        Raises:
            DatabaseAway: It is out of reach, or its host is unknown.
            NewerDatabase: Written by a newer rewardsmith.
            StoreError: It cannot be opened, is corrupt, or is another program's.
            MissingExtra: Its kind needs a package that is not installed.
        """
        given = str(url_or_path)
        self.place = without_password(given)
        self._engine = engine_of(given)
        self._is_open = False
        try:
            self._open()
        except DatabaseAway as error:
            if not patient or _NOWHERE.search(error.message):
                raise
        except BaseException:
            self._engine.dispose()
            raise

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction that alone may write (on SQLite); committed at the end, rolled back on any exception.

        Raises:
            DatabaseAway: It is out of reach; what was done may have been committed, or not.
            StoreError: It cannot be used: full, read-only, corrupt or locked, with the next step.
        """
        self._open()
        with self._writing() as connection:
            yield connection

    @contextlib.contextmanager
    def reading(self, *, at_one_moment: bool = False) -> Iterator[Connection]:
        """A connection that only reads: no writer waits for it, nor it for a writer. Raises StoreError.

        Args:
            at_one_moment: Whether all that it reads is of one moment, not only each statement; on SQLite it always is.
        """
        self._open()
        options = _READING if self._engine.dialect.name == "sqlite" else _POSTGRES[at_one_moment]
        try:
            with self._engine.connect().execution_options(**options) as connection:
                yield connection
        except (DBAPIError, NoConnection) as error:
            raise store_error(self.place, error) from error

    def close(self) -> None:
        """Let go of every connection."""
        self._engine.dispose()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except (DBAPIError, NoConnection) as error:
            raise store_error(self.place, error) from error

    def _open(self) -> None:
        """Migrate it, unless that was done; whoever else does at the same time waits, and finds it done."""
        if self._is_open:
            return
        with self._writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _MIGRATION_LOCK})
            revision = revision_of(connection, self.place)
            if revision != HEAD:
                upgrade(connection)
        self._is_open = True


def revision_of(connection: Connection, place: str) -> str | None:
    """The revision of a database that this version knows; None for an empty one.

    Raises:
        NewerDatabase: Written by a newer rewardsmith.
        StoreError: It is another program's.
    """
    tables = set(inspect(connection).get_table_names())
    if "alembic_version" not in tables:
        if tables:
            raise StoreError(
                f"{place} is another program's database (it has a table {min(tables)!r})",
                hint="name another file for the runs",
            )
        return None
    revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if revision is not None and revision not in REVISIONS:
        raise NewerDatabase(
            f"{place} was written by a newer rewardsmith (its revision is {revision}, ours {HEAD})",
            hint="upgrade: pip install -U rewardsmith",
        )
    return revision


def upgrade(connection: Connection, to: str = "head") -> None:
    """Bring a database forward to a revision."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def sqlite_path(given: str) -> Path | None:
    """The file that an address or a path names; None for a database of another kind."""
    return (
        None
        if "://" in given and not given.startswith("sqlite:")
        else Path(given.removeprefix("sqlite:///")).absolute()
    )


def engine_of(given: str, *, patience_s: int = _REACH_S) -> Engine:
    """An engine for the address or path; the folder of a file is made.

    Args:
        given: Address or path.
        patience_s: Seconds after which Postgres counts as out of reach.

    Raises:
        MissingExtra: Its kind needs a package that is not installed.
        UsageError: It is no address.
        StoreError: The folder cannot be made.
    """
    path = sqlite_path(given)
    if path is None:
        try:
            waits = {"connect_timeout": patience_s, "tcp_user_timeout": patience_s * 1000}
            return create_engine(given, pool_pre_ping=True, connect_args=waits if _is_postgres(given) else {})
        except ModuleNotFoundError as error:
            raise MissingExtra(
                f"the database {without_password(given)} needs the package {error.name}",
                hint="pip install " + ("'rewardsmith[postgres]'" if error.name == "psycopg" else str(error.name)),
            ) from error
        except ArgumentError as error:
            raise UsageError(f"{without_password(given)!r} is no address of a database: {error}") from error
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make the folder {path.parent}: {error.strerror}", hint=_hint("")) from error
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(url, connect_args={"timeout": _BUSY_S}, max_overflow=-1)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", begin)
    return engine


def _is_postgres(given: str) -> bool:
    return given.startswith("postgresql")


def without_password(given: str) -> str:
    """The address as it may be shown."""
    return re.sub(r"(?<=//)[^/@]*@|(?<=password=)[^&]*", "", given)


def _prepare(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # no transaction of the driver's own: ours begin with BEGIN IMMEDIATE
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def begin(connection: Connection) -> None:
    """Begin a transaction that alone may write, or one that only reads."""
    reads = connection.get_execution_options().get("reads")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def store_error(place: str, error: DBAPIError | NoConnection) -> StoreError:
    """What an error of the database means for the user."""
    said = str(error.orig if isinstance(error, DBAPIError) else error)
    if _is_away(error):
        if _REFUSED.search(said):
            hint = "are user, password and name of the database right in its address?"
            return StoreError(f"the database {place} lets nobody in: {one_line(said)}", hint=hint)
        hint = "is it running, and its address right? What is under way waits a minute for it"
        return DatabaseAway(f"the database {place} is out of reach: {one_line(said)}", hint=hint)
    return StoreError(f"the database {place} cannot be used: {said}", hint=_hint(said))


def _is_away(error: DBAPIError | NoConnection) -> bool:
    """Whether it has no connection for us; SQLite has no codes, and is never away."""
    code = getattr(getattr(error, "orig", None), "sqlstate", "")
    lost = isinstance(error, OperationalError | InterfaceError) and code is None
    return isinstance(error, NoConnection) or lost or (code or "").startswith(_AWAY)


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
