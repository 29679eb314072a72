"""Reading what a worker wrote: never through a link, never more than a cap, never by running it."""

from __future__ import annotations

import math
import os
import stat
import zipfile
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rewardsmith.errors import WorkerFailed

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from rewardsmith.domain.record import Record

RecordType = TypeVar("RecordType", bound="Record")

MIB = 2**20
_MOST_ARRAYS = 4096


def read_untrusted(path: Path, *, limit: int, trusted: Path | None = None) -> bytes:
    """Read a regular file that has one name only, without following links.

    Args:
        path: The file.
        limit: Most bytes that it may hold.
        trusted: Folder above `path` that the worker cannot write; nothing below it may be a link. By default what
            stands before the last `out` in `path`, else the file's folder.

    Raises:
        WorkerFailed: It is missing, too large, or not a plain file.
    """
    base = trusted if trusted is not None else _before_out(path)
    names = path.relative_to(base).parts
    if not names or ".." in names:
        raise WorkerFailed(f"{path} is no file below {base}")
    try:
        folder = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in names[:-1]:
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                below = os.open(name, flags, dir_fd=folder)
                os.close(folder)
                folder = below
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
            descriptor = os.open(names[-1], flags, dir_fd=folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise WorkerFailed(f"the worker left no readable {path}: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise WorkerFailed(f"{path} is not a plain file with one name")
        data = file.read(limit + 1)
    if len(data) > limit:
        raise WorkerFailed(f"{path} holds more than {limit} bytes")
    return data


def read_record(path: Path, record: type[RecordType], *, limit: int = 64 * MIB) -> RecordType:
    """Read a JSON file that a worker wrote as a `record`.

    Raises:
        WorkerFailed: It cannot be read, or it is no such record.
    """
    from pydantic import ValidationError

    data = read_untrusted(path, limit=limit)
    try:
        return record.model_validate_json(data, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:200]
        raise WorkerFailed(f"{path} is no {record.__name__}: {where or 'it'}: {first['type']}") from error


def read_arrays(path: Path, limit: int = 1024 * MIB) -> dict[str, npt.NDArray[np.generic]]:
    """Read the arrays of an `.npz` file that a worker wrote; nothing is unpickled.

    Args:
        path: The file.
        limit: Most bytes, of the file and of all its arrays together; known before anything is unpacked.

    Raises:
        WorkerFailed: It cannot be read, is too large, or holds anything but plain arrays.
    """
    data = read_untrusted(path, limit=limit)
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > _MOST_ARRAYS or sum(entry.file_size for entry in entries) > limit:
                raise WorkerFailed(f"{path} unpacks to more than {limit} bytes or {_MOST_ARRAYS} arrays")
            return {entry.filename.removesuffix(".npy"): _array(archive.read(entry)) for entry in entries}
    except WorkerFailed:
        raise
    except Exception as error:  # zipfile and zlib raise a dozen types on bad input
        raise WorkerFailed(f"{path} is no .npz file of plain arrays: {type(error).__name__}") from error


def _array(data: bytes) -> npt.NDArray[np.generic]:
    """One `.npy` file. The size that its header claims is checked before memory is taken."""
    import numpy as np

    stream = BytesIO(data)
    version = np.lib.format.read_magic(stream)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    shape, fortran, dtype = readers[version](stream)
    if dtype.hasobject or dtype.names or any(n < 0 for n in shape):
        raise ValueError("not a plain array")
    if math.prod(shape) * dtype.itemsize != len(data) - stream.tell():
        raise ValueError("its length is not what its header says")
    flat = np.frombuffer(data, dtype=dtype, offset=stream.tell())
    return flat.reshape(shape, order="F" if fortran else "C").copy()


def _before_out(path: Path) -> Path:
    parts = path.parts
    for i in range(len(parts) - 2, 0, -1):
        if parts[i] == "out":
            return Path(*parts[:i])
    return path.parent
