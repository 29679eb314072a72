"""The tables. Every change of theirs is a migration, and a new `HEAD`."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    text,
    true,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from rewardsmith.errors import UsageError

HEAD = "0004"
"""Revision of the newest migration."""

REVISIONS = ("0001", "0002", "0003", "0004")
"""Every revision that this version knows, oldest first."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("created", Float(53), nullable=False),
    Column("cancel", Integer, nullable=False, server_default=text("0")),
    Column("owner", Text),  # JSON of an Owner; null when nobody drives the run
    Column("token", Text),  # the owner's token, which every write is checked against
    Column("epoch", Integer, nullable=False, server_default=text("0")),
    Column("lease", Float(53), nullable=False, server_default=text("0")),  # until when, by the database's clock
    Column("claims", Integer, nullable=False, server_default=text("0")),  # since the last release
    Column("queued", Float(53)),  # since when a driver is asked for; null when none is
    Column("submission", Text),  # the key under which it was submitted
    Column("digest", Text),  # hash of what was asked under that key
    Column("asker", Text, nullable=False, server_default=text("''")),  # name of the API key it belongs to; '' for none
    Column("trainings", Integer, nullable=False, server_default=text("0")),  # most that it may take, by its plan
    Column("dollars", Float(53), nullable=False, server_default=text("0")),  # most that it may spend
    Column("status", Text, nullable=False, server_default=text("'queued'")),  # what its last event about it says
    Index("uq_runs_submission", "asker", "submission", unique=True),
    Index("ix_runs_status", "status", "created", "id"),
    Index("ix_runs_created", "created", "id"),
)
"""Who drives which run, and which wait. What a run is, its events tell; where it stands is written beside them."""

events = Table(
    "events",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("run", Text, ForeignKey("runs.id"), nullable=False),
    Column("time", Float(53), nullable=False),
    Column("kind", Text, nullable=False),
    Column("data", Text, nullable=False),
    Index("ix_events_run", "run", "id"),
    sqlite_autoincrement=True,
)
"""The log. Rows are added, never changed."""

completions = Table(
    "completions",
    metadata,
    Column("run", Text, ForeignKey("runs.id"), primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("role", Text, primary_key=True),
    Column("slot", Integer, primary_key=True),
    Column("call", Integer, primary_key=True),
    Column("prompt_hash", Text, nullable=False),
    Column("data", Text, nullable=False),
)
"""What models answered; each stored before it is used."""

keys = Table(
    "keys",
    metadata,
    Column("name", Text, primary_key=True),
    Column("hash", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("limits", Text, nullable=False),  # JSON of KeyLimits
    Column("created", Float(53), nullable=False),
    Column("revoked", Float(53)),  # null while it is good
    Index("uq_keys_hash", "hash", unique=True),
)
"""Who may use the service. No row is ever removed, so that a name stands for one holder for good."""

sessions = Table(
    "sessions",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("key", Text, ForeignKey("keys.name"), nullable=False),
    Column("until", Float(53), nullable=False),
)
"""Who is logged in at the pages."""


def of_asker(asker: str | None) -> ColumnElement[bool]:
    """Whether a run belongs to the key of that name; any does where none is named."""
    return true() if asker is None else runs.c.asker == asker


def check_name(name: str, what: str = "a run") -> None:
    """Raise UsageError where a run, whose name is a folder too, or `what` cannot be called so."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot name {what}", hint="letters, digits, '.', '_' and '-', at most 100, first no '.'"
        )


class now(FunctionElement[float]):  # noqa: N801 - reads as the SQL function that it is
    """Seconds since 1970 by the clock of the database."""

    type = Float(53)
    inherit_cache = True


@compiles(now)
def _now(_element: now, _compiler: Any, **_: Any) -> str:
    return "extract(epoch from clock_timestamp())"


@compiles(now, "sqlite")
def _now_in_sqlite(_element: now, _compiler: Any, **_: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"
