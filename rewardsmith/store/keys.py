"""Keys of the service, and the sessions of those who logged in with one.

What a key or a session is known by is 256 random bits, of which SHA-256 is kept: what cannot be guessed needs no slow
hash, and whoever reads the table has nothing to send. It is looked up by its hash, so there is no secret whose
comparison could be timed.
"""

from __future__ import annotations

import hashlib
import secrets

from sqlalchemy import Connection, RowMapping, Select, delete, insert, select, update

from rewardsmith.domain.key import Caller, Key, KeyLimits, NewKey, Scope
from rewardsmith.errors import Conflict, UnknownName
from rewardsmith.store.database import Database
from rewardsmith.store.schema import check_name, keys, now, sessions

PREFIX = "rsk_"
"""What every key begins with, so that one that leaked is found."""
SESSION_S = 7 * 24 * 3600.0
"""How long a login lasts."""
_MOST_SESSIONS = 20
"""Of one key; the oldest ends where there is one more."""


class Keys:
    """The keys of one database. Safe to use from many threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str, scope: Scope, limits: KeyLimits) -> NewKey:
        """Make a key.

        Raises:
            Conflict: There is, or was, one of that name.
            UsageError: The name cannot be one.
        """
        check_name(name, "a key")
        secret = _secret()
        with self._database.transaction() as connection:
            if connection.execute(select(keys.c.name).where(keys.c.name == name)).first() is not None:
                raise Conflict(
                    f"there is a key {name!r} already, and its runs are its own",
                    hint=f"take another name, or `rewardsmith keys renew {name}` for a new secret",
                )
            values = {"name": name, "hash": _hash(secret), "scope": scope, "limits": limits.model_dump_json()}
            connection.execute(insert(keys).values(**values, created=now()))
            return NewKey(key=_key(_row(connection, name)), secret=secret)

    def renew(self, name: str) -> NewKey:
        """Give a key a new secret, and take it back where it was revoked; the old secret is good no more.

        Raises UnknownName.
        """
        secret = _secret()
        with self._database.transaction() as connection:
            _row(connection, name)
            connection.execute(delete(sessions).where(sessions.c.key == name))
            connection.execute(update(keys).where(keys.c.name == name).values(hash=_hash(secret), revoked=None))
            return NewKey(key=_key(_row(connection, name)), secret=secret)

    def limit(self, name: str, limits: KeyLimits) -> Key:
        """Set how much a key may use. Raises UnknownName."""
        with self._database.transaction() as connection:
            _row(connection, name)
            connection.execute(update(keys).where(keys.c.name == name).values(limits=limits.model_dump_json()))
            return _key(_row(connection, name))

    def revoke(self, name: str) -> Key:
        """Make a key, and every session of it, worth nothing from now on; its runs stay. Raises UnknownName."""
        with self._database.transaction() as connection:
            if _row(connection, name)["revoked"] is None:
                connection.execute(update(keys).where(keys.c.name == name).values(revoked=now()))
                connection.execute(delete(sessions).where(sessions.c.key == name))
            return _key(_row(connection, name))

    def list(self) -> list[Key]:
        """Every key, the oldest first, revoked ones too."""
        with self._database.reading() as connection:
            rows = connection.execute(select(keys).order_by(keys.c.created, keys.c.name)).mappings().all()
        return [_key(row) for row in rows]

    def any(self) -> bool:
        """Whether a key was ever made: from then on nobody is served without one."""
        with self._database.reading() as connection:
            return connection.execute(select(keys.c.name).limit(1)).first() is not None

    def caller(self, secret: str) -> Caller | None:
        """Whose key this is; None where it is nobody's, or revoked."""
        with self._database.reading() as connection:
            row = connection.execute(_good(secret)).mappings().first()
        return None if row is None else _caller(row)

    def log_in(self, secret: str) -> str | None:
        """A new session of whoever has this key; None where it is nobody's, or revoked."""
        session = secrets.token_urlsafe(32)
        with self._database.transaction() as connection:
            row = connection.execute(_good(secret).with_for_update()).mappings().first()
            if row is None:
                return None
            older = select(sessions.c.hash).where(sessions.c.key == row["name"]).order_by(sessions.c.until.desc())
            over = connection.execute(older.offset(_MOST_SESSIONS - 1)).scalars().all()
            connection.execute(delete(sessions).where((sessions.c.until < now()) | sessions.c.hash.in_(over)))
            values = {"hash": _hash(session), "key": row["name"]}
            connection.execute(insert(sessions).values(**values, until=now() + SESSION_S))
        return session

    def logged_in(self, session: str) -> Caller | None:
        """Whose session this is; None where it has ended, or its key was revoked."""
        good = (sessions.c.hash == _hash(session)) & (sessions.c.until > now()) & keys.c.revoked.is_(None)
        query = select(keys).join(sessions, sessions.c.key == keys.c.name).where(good)
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else _caller(row)

    def log_out(self, session: str) -> None:
        """End a session."""
        with self._database.transaction() as connection:
            connection.execute(delete(sessions).where(sessions.c.hash == _hash(session)))


def lock(connection: Connection, name: str) -> KeyLimits:
    """What the key may use; whoever else asks waits for the end of this transaction."""
    return _key(_row(connection, name)).limits


def limits_of(connection: Connection) -> dict[str, KeyLimits]:
    """The limits of every key, by its name."""
    return {row.name: KeyLimits.model_validate_json(row.limits) for row in connection.execute(select(keys))}


def _secret() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def _good(secret: str) -> Select[tuple[object, ...]]:
    return select(keys).where(keys.c.hash == _hash(secret), keys.c.revoked.is_(None))


def _row(connection: Connection, name: str) -> RowMapping:
    row = connection.execute(select(keys).where(keys.c.name == name).with_for_update()).mappings().first()
    if row is None:
        raise UnknownName("key", name, connection.execute(select(keys.c.name)).scalars(), hint="see `rewardsmith keys`")
    return row


def _key(row: RowMapping) -> Key:
    return Key(
        name=row["name"],
        scope=row["scope"],
        limits=KeyLimits.model_validate_json(row["limits"]),
        created=row["created"],
        revoked=row["revoked"],
    )


def _caller(row: RowMapping) -> Caller:
    return Caller(name=row["name"], scope=row["scope"], limits=KeyLimits.model_validate_json(row["limits"]))
