"""Arrays and tensors from files that a worker may have written: nothing is unpickled, nothing larger than promised.

What a file claims is checked against what is expected, and against its own size, before memory is taken for it.
"""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rewardsmith.errors import StoreError, one_line
from rewardsmith.store.untrusted import MIB, read_untrusted

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_MOST_ARRAYS = 4096
_MOST_HEADER = 4096
_END = 22
"""Bytes of the end record of a .zip file without a comment."""
_HEADER = re.compile(
    rb"\{'descr': '([<|][biuf][1248])', 'fortran_order': (True|False), 'shape': \(((?:[0-9]{1,15},? ?)*)\), \} *\n"
)


class Layout(NamedTuple):
    """What one array must be."""

    dtype: np.dtype[Any]
    """Type of its entries."""
    shape: tuple[int | None, ...]
    """Its shape; None stands for any length."""

    def fits(self, dtype: np.dtype[Any], shape: tuple[int, ...]) -> bool:
        """Whether an array of this type and shape is such a one."""
        lengths = zip(self.shape, shape, strict=False)
        same = len(self.shape) == len(shape) and all(one in (None, other) for one, other in lengths)
        return same and self.dtype == dtype

    def __str__(self) -> str:
        return f"{self.dtype} of shape ({', '.join('any' if n is None else str(n) for n in self.shape)})"


Layouts = Mapping[str, Layout]


def layouts(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, Layout]:
    """The layouts of these arrays."""
    return {name: Layout(array.dtype, array.shape) for name, array in arrays.items()}


def read_arrays(
    folder: Path, name: str, *, expected: Layouts | None = None, finite: bool = False, limit: int = 1024 * MIB
) -> dict[str, npt.NDArray[np.generic]]:
    """Read the arrays of an `.npz` file; see `read_untrusted`.

    Args:
        folder: The worker's `out/`.
        name: Path of the file below `folder`.
        expected: The arrays that it must hold, these and no other; any arrays of numbers when absent.
        finite: Whether every number must be finite.
        limit: Most bytes, of the file and of all its arrays together.

    Raises:
        StoreError: It cannot be read, is too large, or holds anything but the plain arrays that are expected.
    """
    path = folder / name
    data = read_untrusted(folder, name, limit=limit)
    try:
        found = _unpacked(data, expected, limit)
        _check(found, finite=finite)
    except Exception as error:  # zipfile and zlib raise a dozen types on bad input
        said = str(error) if isinstance(error, _Unexpected) else type(error).__name__
        raise StoreError(f"{path} is no .npz file of the arrays that belong there: {said}") from error
    return found


def read_tensors(
    folder: Path, name: str, *, expected: Layouts | None = None, limit: int = 1024 * MIB
) -> dict[str, npt.NDArray[Any]]:
    """Read the tensors of a safetensors file, all of them finite; see `read_arrays`.

    Raises:
        StoreError: It cannot be read, is too large, or holds anything but the tensors that are expected.
    """
    import safetensors.numpy

    path = folder / name
    data = read_untrusted(folder, name, limit=limit)
    try:
        found: dict[str, npt.NDArray[Any]] = safetensors.numpy.load(data)
        if expected is not None:
            _check_names(set(found), expected)
            for key, array in found.items():
                _check_layout(key, array.dtype, array.shape, expected)
        _check(found, finite=True)
    except Exception as error:  # safetensors, json and numpy raise their own types on bad input
        said = str(error) if isinstance(error, _Unexpected) else type(error).__name__
        raise StoreError(f"{path} is no safetensors file of the tensors that belong there: {said}") from error
    return found


class _Unexpected(ValueError):
    """The file is well made, but does not hold what it should; the message says so in our words."""


def _unpacked(data: bytes, expected: Layouts | None, limit: int) -> dict[str, npt.NDArray[np.generic]]:
    _check_directory(data)
    with zipfile.ZipFile(BytesIO(data)) as archive:
        entries = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
        if len(entries) != len(archive.infolist()) or len(entries) > _MOST_ARRAYS:
            raise _Unexpected(f"a name stands there twice, or there are more than {_MOST_ARRAYS}")
        if any(entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for entry in entries.values()):
            raise _Unexpected("it is packed in another way than numpy does it")
        if sum(entry.file_size for entry in entries.values()) > limit:
            raise _Unexpected(f"it unpacks to more than {limit} bytes")
        if expected is not None:
            _check_names(set(entries), expected)
        return {name: _array(archive, entry, name, expected) for name, entry in entries.items()}


def _check_directory(data: bytes) -> None:
    """Refuse a table of contents that would take much memory, before anything reads it."""
    end = data[-_END:]
    if end[:4] != b"PK\5\6" or end[20:] != b"\0\0" or data[-_END - 20 : -_END - 16] == b"PK\6\7":
        raise _Unexpected("it does not end as numpy ends one")
    if int.from_bytes(end[12:16], "little") > _MOST_ARRAYS * 256:
        raise _Unexpected(f"there are more than {_MOST_ARRAYS} arrays")


def _array(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, expected: Layouts | None
) -> npt.NDArray[np.generic]:
    """One `.npy` file; its header is not evaluated."""
    import numpy as np

    with archive.open(entry) as file:
        start = file.read(10)
        width = int.from_bytes(start[8:10], "little")
        if start[:8] != b"\x93NUMPY\x01\x00" or width > _MOST_HEADER:
            raise _Unexpected(f"{one_line(name, 60)!r} is no array")
        header = _HEADER.fullmatch(file.read(width))
        if header is None:
            raise _Unexpected(f"{one_line(name, 60)!r} is no array of numbers")
        dtype = np.dtype(header[1].decode())
        shape = tuple(int(length) for length in header[3].decode().replace(",", " ").split())
        if expected is not None:
            _check_layout(name, dtype, shape, expected)
        size = math.prod(shape) * dtype.itemsize
        if size != entry.file_size - 10 - width:
            raise _Unexpected(f"{one_line(name, 60)!r} is not as long as its header says")
        # one byte more, or one more reading, makes zipfile compare the checksum; never more than was promised
        data = file.read(size + 1)
    if len(data) != size:
        raise _Unexpected(f"{one_line(name, 60)!r} is not as long as its header says")
    return np.frombuffer(data, dtype=dtype).reshape(shape, order="F" if header[2] == b"True" else "C").copy()


def _check_names(found: set[str], expected: Layouts) -> None:
    if missing := sorted(set(expected) - found):
        raise _Unexpected(f"{one_line(missing[0], 60)!r} is missing")
    if more := sorted(found - set(expected)):
        raise _Unexpected(f"{one_line(more[0], 60)!r} does not belong there")


def _check_layout(name: str, dtype: np.dtype[Any], shape: tuple[int, ...], expected: Layouts) -> None:
    if not expected[name].fits(dtype, shape):
        raise _Unexpected(f"{one_line(name, 60)!r} is {Layout(dtype, shape)}, not {expected[name]}")


def _check(arrays: Mapping[str, npt.NDArray[Any]], *, finite: bool) -> None:
    import numpy as np

    for name, array in arrays.items():
        if finite and array.dtype.kind == "f" and not np.isfinite(array).all():
            raise _Unexpected(f"{one_line(name, 60)!r} holds numbers that are not finite")
