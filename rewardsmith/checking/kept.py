"""A kept reward: the file, its lock and its recorded rows, read and checked against each other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError

from rewardsmith.checking.recorded import Recorded, unpack
from rewardsmith.domain.lock import Lock, digest
from rewardsmith.errors import UsageError
from rewardsmith.export.sections import reward_in
from rewardsmith.store.artifacts import write_durably
from rewardsmith.store.untrusted import read_untrusted

_LOCK_BYTES = 8 << 20
_FILE_BYTES = 1 << 20


@dataclass(frozen=True)
class Kept:
    """A reward and what it was when it was kept."""

    name: str
    """What it is called: its file."""
    source: str
    """The reward as it is now, in the contract."""
    lock: Lock
    recorded: Recorded


def lock_path(reward: Path) -> Path:
    """Where the lock of a reward's file lies."""
    return reward.with_suffix(".lock.json")


def rows_path(reward: Path) -> Path:
    """Where the recorded rows of a reward's file lie."""
    return reward.with_suffix(".rows.npz")


def write_kept(reward: Path, text: str, lock: Lock, recorded: Recorded) -> list[Path]:
    """Write the three files; those written."""
    write_durably(reward, text.encode())
    return [reward, *write_lock(reward, lock, recorded)]


def write_lock(reward: Path, lock: Lock, recorded: Recorded) -> list[Path]:
    """Write what lies beside a reward's file; the files written."""
    files = {lock_path(reward): lock_text(lock).encode(), rows_path(reward): recorded.packed}
    for path, data in files.items():
        write_durably(path, data)
    return list(files)


def lock_text(lock: Lock) -> str:
    """The lock for people and their diffs: one entry to a line, in the order of the record."""
    return json.dumps(lock.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"


def read_kept(reward: Path) -> Kept:
    """The reward of a file with the lock beside it.

    Raises:
        UsageError: A file is missing, or is not what was written.
    """
    text = _read(reward, _FILE_BYTES).decode(errors="replace")
    path = lock_path(reward)
    told = _read(path, _LOCK_BYTES)
    try:
        lock = Lock.model_validate_json(told)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(f"{path} is no lock: {where}: {first['msg']}", hint=_AGAIN) from error
    if lock.signature != digest(told):
        raise UsageError(f"{path} was changed by hand: its signature does not hold", hint=_AGAIN)
    rows = rows_path(reward)
    if sha256(_read(rows, _LOCK_BYTES * 8)).hexdigest() != lock.recorded:
        raise UsageError(f"{rows} is not the file that {path.name} was written with", hint=_AGAIN)
    return Kept(str(reward), reward_in(text), lock, unpack(rows, tuple(lock.signals)))


_AGAIN = "take it back from version control, or write it again with `rewardsmith export --lock`"


def _read(path: Path, most: int) -> bytes:
    if not path.exists():
        what = "reward" if path.suffix == ".py" else "lock of this reward"
        raise UsageError(f"there is no {what}: {path}", hint="`rewardsmith export RUN --lock -o FILE.py` writes both")
    return read_untrusted(path.parent, path.name, limit=most)
