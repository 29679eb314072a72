"""Reading what a worker wrote: never through a link, never more than a cap, never by running it."""

from __future__ import annotations

import math
import os
import stat
import zipfile
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeVar

from rewardsmith.errors import StoreError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from rewardsmith.domain.record import Record

RecordType = TypeVar("RecordType", bound="Record")

MIB = 2**20
_MOST_ARRAYS = 4096
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


def read_untrusted(folder: Path, name: str, *, limit: int) -> bytes:
    """Read a regular file that has one name only, without following links.

    Args:
        folder: The worker's `out/`; neither it nor anything below it may be a link, folders above it may.
        name: Path of the file below `folder`.
        limit: Most bytes that it may hold.

    Raises:
        StoreError: It is missing, too large, or not a plain file.
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
    except OSError as error:
        raise StoreError(f"the worker left no readable {path}: {error.strerror}") from error
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        os.close(descriptor)
        raise StoreError(f"{path} is not a plain file with one name")
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise StoreError(f"{path} holds more than {limit} bytes")
    return data


def read_record(folder: Path, name: str, record: type[RecordType], *, limit: int = 64 * MIB) -> RecordType:
    """Read a JSON file that a worker wrote as a `record`; see `read_untrusted`.

    Raises:
        StoreError: It cannot be read, or it is no such record.
    """
    from pydantic import ValidationError

    data = read_untrusted(folder, name, limit=limit)
    try:
        return record.model_validate_json(data, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:200]
        raise StoreError(f"{folder / name} is no {record.__name__}: {where or 'it'}: {first['type']}") from error


def read_arrays(folder: Path, name: str, *, limit: int = 1024 * MIB) -> dict[str, npt.NDArray[np.generic]]:
    """Read the arrays of an `.npz` file that a worker wrote; nothing is unpickled. See `read_untrusted`.

    Args:
        folder: The worker's `out/`.
        name: Path of the file below `folder`.
        limit: Most bytes, of the file and of all its arrays together; checked before anything is unpacked.

    Raises:
        StoreError: It cannot be read, is too large, or holds anything but plain arrays.
    """
    path = folder / name
    data = read_untrusted(folder, name, limit=limit)
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > _MOST_ARRAYS or sum(entry.file_size for entry in entries) > limit:
                raise StoreError(f"{path} unpacks to more than {limit} bytes or {_MOST_ARRAYS} arrays")
            return {entry.filename.removesuffix(".npy"): _array(archive.read(entry)) for entry in entries}
    except StoreError:
        raise
    except Exception as error:  # zipfile and zlib raise a dozen types on bad input
        raise StoreError(f"{path} is no .npz file of plain arrays: {type(error).__name__}") from error


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
