"""Who drives a run: at most one owner, for as long as it keeps renewing. A stalled owner that wakes up is fenced off.

Time is the database's; every write checks token and epoch in its own transaction.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import Connection, RowMapping, select, update

from rewardsmith.errors import LeaseLost, RunBusy, StoreError, UnknownName
from rewardsmith.store.schema import now, of_asker, runs


@dataclass(frozen=True)
class Owner:
    """A process that drives runs; no two have the same token."""

    host: str
    """Name of the host and of its pid namespace, so that pids are compared only where they mean the same."""
    boot: str
    """Id of the host's boot; empty where there is none."""
    pid: int
    started: int
    """When the process started, in clock ticks since boot; 0 where that is not known."""
    token: str
    """Random."""

    @classmethod
    def current(cls) -> Owner:
        """This process, with a new token: two owners in one process are two."""
        pid = os.getpid()
        return cls(_host(), _boot(), pid, _started(pid) or 0, secrets.token_hex(8))

    def is_dead(self) -> bool:
        """True if it certainly is: same host, and another boot, no such process, or a later one of its number."""
        if self.host != _host():
            return False
        if self.boot != _boot():
            return True
        if self.started:
            return _started(self.pid) != self.started
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False


@dataclass(frozen=True)
class Lease:
    """The right to write to one run, until it expires and another takes it."""

    run: str
    owner: Owner
    epoch: int
    """Grows with every claim."""
    ttl_s: float
    """Renew at least every third of it."""


def claim(connection: Connection, run: str, owner: Owner, ttl_s: float, max_claims: int) -> Lease:
    """Take the run, if nobody alive holds it; see `Store.claim`."""
    row = row_of(connection, run)
    holder = owner_of(row)
    if holder is not None and driven(row):
        raise RunBusy(
            f"the run {run!r} is driven by process {holder.pid} on {holder.host.partition('/')[0]}",
            hint="watch it with `rewardsmith show`, or end that process first",
        )
    if row["claims"] >= max_claims:
        raise StoreError(
            f"the run {run!r} keeps failing its owner: {row['claims']} processes took it and ended without a word",
            hint="look for what kills them (memory? a time limit of the host?), or start a new run",
        )
    connection.execute(
        update(runs)
        .where(runs.c.id == run)
        .values(
            owner=json.dumps(asdict(owner)),
            token=owner.token,
            epoch=row["epoch"] + 1,
            lease=now() + ttl_s,
            claims=row["claims"] + 1,
        )
    )
    return Lease(run, owner, row["epoch"] + 1, ttl_s)


def fence(connection: Connection, lease: Lease) -> RowMapping:
    """The run's row, locked; raises LeaseLost if the lease is no longer the run's."""
    held = (runs.c.id == lease.run) & (runs.c.token == lease.owner.token) & (runs.c.epoch == lease.epoch)
    row = connection.execute(select(runs, now().label("now")).where(held).with_for_update()).mappings().first()
    if row is None:
        raise LeaseLost(
            f"another process took over the run {lease.run!r}, because this one did not renew its lease in time",
            hint="nothing is lost: the other process goes on with it",
        )
    return row


def renew(connection: Connection, lease: Lease) -> bool:
    """Prolong the lease; true if the run is to be cancelled."""
    row = fence(connection, lease)
    connection.execute(update(runs).where(runs.c.id == lease.run).values(lease=now() + lease.ttl_s))
    return bool(row["cancel"])


def succeed(connection: Connection, run: str) -> None:
    """Forget the claims that ended without a word: the run makes progress."""
    connection.execute(update(runs).where(runs.c.id == run).values(claims=0))


def release(connection: Connection, lease: Lease, *, again: bool) -> bool:
    """Give the run back, in the queue if it is there and to be driven `again`; true if the caller is to cancel it."""
    row = fence(connection, lease)
    stays = again and row["queued"] is not None  # its next driver is told to cancel it, if it is to be
    values = {"owner": None, "token": None, "lease": 0.0, "claims": 0}
    values |= {} if stays else {"queued": None, "cancel": 0}
    connection.execute(update(runs).where(runs.c.id == lease.run).values(values))
    return bool(row["cancel"]) and not stays


def driven(row: RowMapping) -> bool:
    """Whether its owner drives the run now: the lease is good, and the owner not known to be dead."""
    owner = owner_of(row)
    return owner is not None and bool(row["lease"] > row["now"]) and not owner.is_dead()


def owner_of(row: RowMapping) -> Owner | None:
    """Who holds the run, dead or alive."""
    return None if row["owner"] is None else Owner(**json.loads(row["owner"]))


def row_of(connection: Connection, run: str) -> RowMapping:
    """The run's row, locked; raises UnknownName."""
    query = select(runs, now().label("now")).where(runs.c.id == run).with_for_update()
    row = connection.execute(query).mappings().first()
    if row is None:
        raise unknown(connection, run)
    return row


def unknown(connection: Connection, run: str, where: str = "", asker: str | None = None) -> UnknownName:
    """The error that there is no such run, or none of the key `asker`."""
    known = connection.execute(select(runs.c.id).where(of_asker(asker))).scalars()
    return UnknownName("run", run, known, where=where, hint="see `rewardsmith runs`")


def _host() -> str:
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        namespace = ""
    return f"{socket.gethostname()}/{namespace}"


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _started(pid: int) -> int | None:
    """Start of a living process in clock ticks since boot; the name in the second field may hold anything."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])
