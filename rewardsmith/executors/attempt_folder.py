"""What is known of an attempt from its folder: a held lock means alive, `result.json` means ended.

The runner reads and writes through this too.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from rewardsmith.domain.record import Record
from rewardsmith.errors import StoreError, one_line
from rewardsmith.sandboxes.tree import started_at
from rewardsmith.store.artifacts import write_durably
from rewardsmith.store.untrusted import MIB, read_end, read_record

_PATIENCE_S = 60.0
"""How long readers may keep a runner from its lock; each has it for a moment, which on a busy machine may be long."""
_LOG_END = 8192


class Result(Record):
    """How the worker of an attempt ended; `result.json`."""

    exit_code: int | None = Field(ge=0, le=255)
    """Exit code of the worker, 128 + n for signal n; absent when the sandbox could not run it."""
    timed_out: bool = False
    """Whether its wall clock ran out."""
    message: str = ""
    """Why the sandbox could not run it, or what limit of its own ended it."""
    fatal: bool = False
    """Whether another attempt would end the same."""


@contextlib.contextmanager
def held(folder: Path) -> Iterator[bool]:
    """Hold the attempt's lock, with this process's pid in it; yields false when another runner holds it.

    Who looks whether there is a runner holds it, too, though not alone: that is waited for.
    """
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        deadline = time.monotonic() + _PATIENCE_S
        while not _locked(descriptor, fcntl.LOCK_EX):
            if runner_of(folder) is not None or time.monotonic() > deadline:
                yield False
                return
            time.sleep(0.005)
        os.pwrite(descriptor, f"{os.getpid():>20} {started_at(os.getpid()) or 0:>20}\n".encode(), 0)
        yield True
    finally:
        os.close(descriptor)


def runner_of(folder: Path) -> int | None:
    """The pid of the live runner; absent when nobody holds the lock, 0 while the lock does not tell it (yet)."""
    try:
        descriptor = os.open(folder / "lock", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # none, or not made by a runner
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode) or _locked(descriptor, fcntl.LOCK_SH):
            return None
        pid, started = (int(word) for word in os.pread(descriptor, 64, 0).split())
    except ValueError:
        return 0
    finally:
        os.close(descriptor)
    return pid if pid and started_at(pid) in (started, None) else 0


def read_result(folder: Path) -> Result | None:
    """The result; absent when there is none yet. One that cannot be read tells of a worker that was lost."""
    if not os.path.lexists(folder / "result.json"):
        return None
    try:
        return read_record(folder, "result.json", Result, limit=MIB)
    except StoreError as error:
        return Result(exit_code=None, message=f"its result is damaged: {one_line(error.message)}")


def write_result(folder: Path, result: Result) -> None:
    """Write the result so that it is there whole or not at all, after a power cut too."""
    write_durably(folder / "result.json", result.model_dump_json().encode())


def last_line(log: Path, *, most: int = 300) -> str:
    """The last line of a log that says something, printable, cut at `most` characters; empty where there is none."""
    try:
        lines = read_end(log.parent, log.name, most=_LOG_END).decode(errors="replace").splitlines()
    except StoreError:
        return ""
    return next((one_line(line, most) for line in reversed(lines) if line.strip()), "")


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
