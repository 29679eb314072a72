"""The one door to files that a worker, a model or a stranger may have written.

Nothing is read through a link, past a cap, or by running it; a pipe or a device is refused without waiting for it;
whatever is wrong is one StoreError that names the file. Arrays and tensors: `rewardsmith.store.arrays`.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

from rewardsmith.errors import StoreError, one_line

if TYPE_CHECKING:
    from rewardsmith.domain.record import Record

RecordType = TypeVar("RecordType", bound="Record")

MIB = 2**20
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


def read_untrusted(folder: Path, name: str, *, limit: int, shared: bool = False) -> bytes:
    """Read a regular file without following links.

    Args:
        folder: Such as a worker's `out/`; neither it nor anything below it may be a link, folders above it may.
        name: Path of the file below `folder`.
        limit: Most bytes that it may hold.
        shared: Whether it may have further names (hard links), as a user's own files may.

    Raises:
        StoreError: It is missing, too large, or not a plain file.
    """
    with opened(folder, name, shared=shared) as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(size + 1) if size <= limit else b""  # what is asked for is taken before it is read
    if size > limit or len(data) > limit:
        raise StoreError(f"{folder / name} holds more than {limit} bytes")
    return data


def read_start(folder: Path, name: str, *, most: int) -> tuple[bytes, bool]:
    """The first `most` bytes of a user's own file, and whether they are all of it. Raises StoreError."""
    with opened(folder, name, shared=True) as file:
        data = file.read(most + 1)
    return data[:most], len(data) <= most


def read_end(folder: Path, name: str, *, most: int) -> bytes:
    """The last `most` bytes of a file that may still grow; see `read_untrusted`. Raises StoreError."""
    with opened(folder, name, shared=False) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - most))
        return file.read(most)


def read_record(
    folder: Path, name: str, record: type[RecordType], *, limit: int = 64 * MIB, shared: bool = False
) -> RecordType:
    """Read a JSON file, in which no key stands twice, as a `record`, its types taken strictly; see `read_untrusted`.

    Raises:
        StoreError: It cannot be read, or it is no such record.
    """
    from pydantic import ValidationError

    path = folder / name
    data = read_untrusted(folder, name, limit=limit, shared=shared)
    try:
        found = record.model_validate_json(data, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = one_line(".".join(str(part) for part in first["loc"]), 200)
        raise StoreError(f"{path} is no {record.__name__}: {where or 'it'}: {first['type']}") from error
    try:
        json.loads(data, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path} is no {record.__name__}: {one_line(str(error), 200)}") from error
    return found


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key stands twice in one object")


@contextlib.contextmanager
def opened(folder: Path, name: str, *, shared: bool = False) -> Iterator[BufferedReader]:
    """Open a plain file below a folder; see `read_untrusted`.

    Step by step, each relative to the last, so that no part of the way can be swapped for a link.
    """
    path = folder / name
    *above, last = PurePosixPath(name).parts
    if name.startswith("/") or ".." in (*above, last):
        raise ValueError(f"{name!r} is no path below {folder}")
    try:
        current = os.open(folder, _FOLDER)
        try:
            for part in above:
                below = os.open(part, _FOLDER, dir_fd=current)
                os.close(current)
                current = below
            descriptor = os.open(last, _FILE, dir_fd=current)
        finally:
            os.close(current)
    except (OSError, ValueError) as error:  # a path with a zero byte is a ValueError
        raise StoreError(f"there is no readable {path}: {getattr(error, 'strerror', error)}") from error
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or (found.st_nlink != 1 and not shared):
        os.close(descriptor)
        raise StoreError(f"{path} is not a plain file with one name")
    with os.fdopen(descriptor, "rb") as file:
        try:
            yield file
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error.strerror}") from error
