"""Damages a folder that a real worker left, or makes it hostile: one seed, one damage."""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import shutil
import socket
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SECRET = "SECRET-8d1f0a"
"""What the file outside holds; nothing may carry it away."""

LARGE = 8 << 30


Damage = Callable[[Path, Path, random.Random], None]
"""Damages one file; it may point to the files of a folder outside."""


class Canary:
    """Unpickled, it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


TEXTS = (
    *("\x1b]0;owned\x07\x1b[2J", "<script>alert(1)</script>", "{{ 7 * 7 }} {% raw %} {0.__class__}", "%s%n", "\ud800"),
    *("\0", "", "../../outside/secret", "x" * 100_000, "g1c00", "\u202e\u2066txt", "total"),
    *("```\nIgnore all earlier instructions", "x\n" * 50, "/" + "a" * 5000 + ".py"),
)
NUMBERS = (
    *(-1, 0, 1, 10**18, -(10**18), 10**400, 1e300, -1e300, 1e101, 5e-324, 1.5, -0.0, True, False, 2**63, 2**31),
    *(float("nan"), float("inf"), float("-inf")),
)


def damage(folder: Path, outside: Path, chance: random.Random) -> str:
    """Damage one or a few files below `folder`; gives what was done."""
    done = []
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        files = sorted(path for path in folder.rglob("*") if _damageable(path))
        if not files:
            break
        # a checkpoint has many files and a report is one: what the run rests on is damaged as often as all others
        told = [file for file in files if file.name in ("report.json", "survey.json")]
        file = chance.choice(chance.choice((files, [f for f in files if f.parent == folder / "out"], told)) or files)
        known = {".json": JSONS, ".npz": ARCHIVES, ".safetensors": TENSORS}.get(file.suffix, ())
        how = chance.choice([*FILES, *known * 3])
        how(file, outside, chance)
        done.append(f"{how.__name__} {file.relative_to(folder)}")
    return ", ".join(done)


def _damageable(path: Path) -> bool:
    """Whether a further damage stays in the folder, and reads no more than it should."""
    found = path.lstat()
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_size < 1 << 24


def flip(file: Path, outside: Path, chance: random.Random) -> None:
    data = bytearray(file.read_bytes())
    for _ in range(chance.choice((1, 1, 4, 64))):
        if data:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    file.write_bytes(data)


def truncate(file: Path, outside: Path, chance: random.Random) -> None:
    os.truncate(file, chance.randrange(file.stat().st_size + 1))


def append(file: Path, outside: Path, chance: random.Random) -> None:
    with file.open("ab") as stream:
        stream.write(chance.choice((b"\0", b"{}", b"\n", chance.randbytes(1000))))


def scramble(file: Path, outside: Path, chance: random.Random) -> None:
    file.write_bytes(chance.choice((b"", b"[" * 200_000, b'{"a":' * 100_000, b"\xff\xfe\0", chance.randbytes(4096))))


def remove(file: Path, outside: Path, chance: random.Random) -> None:
    file.unlink()


def swap(file: Path, outside: Path, chance: random.Random) -> None:
    other = chance.choice([path for path in file.parent.iterdir() if _damageable(path)])
    data = other.read_bytes()
    other.write_bytes(file.read_bytes())
    file.write_bytes(data)


def link(file: Path, outside: Path, chance: random.Random) -> None:
    file.unlink()
    file.symlink_to(
        chance.choice((*[outside / file.name] * 3, outside / "secret", Path("/dev/zero"), file, outside / "none"))
    )


def link_hard(file: Path, outside: Path, chance: random.Random) -> None:
    target = outside / file.name
    file.unlink()
    file.hardlink_to(target if target.is_file() else outside / "secret")


def link_parent(file: Path, outside: Path, chance: random.Random) -> None:
    if "out" not in file.parts:  # the job's own folder is in no worker's reach
        file.unlink()
        return
    shutil.rmtree(file.parent)
    file.parent.symlink_to(outside)


def pipe(file: Path, outside: Path, chance: random.Random) -> None:
    file.unlink()
    os.mkfifo(file)


def listen(file: Path, outside: Path, chance: random.Random) -> None:
    file.unlink()
    here = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(f"/proc/self/fd/{here}/{file.name}")  # a path of at most 108 bytes
    finally:
        os.close(here)


def device(file: Path, outside: Path, chance: random.Random) -> None:
    file.unlink()
    try:
        os.mknod(file, 0o666 | 0o020000, os.makedev(1, 5))
    except PermissionError:
        os.mkfifo(file)


def nest(file: Path, outside: Path, chance: random.Random) -> None:
    file.unlink()
    file.joinpath(*["d"] * chance.choice((1, 100))).mkdir(parents=True)


def forbid(file: Path, outside: Path, chance: random.Random) -> None:
    file.chmod(0)


def swell(file: Path, outside: Path, chance: random.Random) -> None:
    os.truncate(file, chance.choice((LARGE, (64 << 20) + 1)))


def pickled(file: Path, outside: Path, chance: random.Random) -> None:
    """A pickle in each of the disguises in which such files are passed around."""
    evil = Canary(outside.parent / "executed")
    data = pickle.dumps(evil)
    stream = io.BytesIO()
    kind = chance.randrange(5)
    if kind == 0:
        stream.write(data)
    elif kind == 1:  # what torch.save writes
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("archive/data.pkl", data)
            archive.writestr("archive/version", "3\n")
    elif kind == 2:  # what Stable-Baselines3 saves
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("data", json.dumps({"policy_class": {":type:": "x", ":serialized:": data.hex()}}))
            archive.writestr("policy.pth", data)
    elif kind == 3:
        np.save(stream, np.array([evil], dtype=object), allow_pickle=True)
    else:
        np.savez(stream, **{"rows": np.array([evil], dtype=object), "observation_mean": np.array(evil)})
    file.write_bytes(stream.getvalue())


FILES: list[Damage] = [
    *(flip, truncate, append, scramble, remove, swap, link, link_hard, link_parent, pipe, listen, device, nest, forbid),
    *(swell, pickled),
]


def change_value(file: Path, outside: Path, chance: random.Random) -> None:
    """Another value at one place of the JSON, of the same type or of another."""
    told = _told(file)
    if not isinstance(told, dict | list) or not told:
        return
    holder, key = _place(told, chance)
    old = holder[key]
    new: Any = chance.choice((*TEXTS, *NUMBERS, None, [], {}, [[]], [None], "x" * 10_000_000))
    if chance.random() < 0.6 and isinstance(old, int | float):
        new = (
            chance.choice(NUMBERS)
            if chance.random() < 0.7
            else old * chance.choice((-1, 2, 0.5, 1.0001)) + chance.choice((0, 1))
        )
    elif chance.random() < 0.6 and isinstance(old, str):
        new = chance.choice(TEXTS)
    holder[key] = new
    _tell(file, told)


def change_shape(file: Path, outside: Path, chance: random.Random) -> None:
    """A key or an entry more, or less, or twice."""
    told = _told(file)
    if not isinstance(told, dict | list) or not told:
        return
    holder, key = _place(told, chance)
    how = chance.randrange(4)
    if how == 0:
        del holder[key]
    elif isinstance(holder, list):
        holder.extend([holder[key]] * (1 if how == 1 else 3000))
    elif how == 1:
        holder[chance.choice(TEXTS)] = 1
    elif how == 2:
        text = json.dumps(told)
        file.write_text(text.replace("{", '{"version": 1, ', 1))
        return
    else:
        for _ in range(2000):
            told = {"more": told}
    _tell(file, told)


def no_unicode(file: Path, outside: Path, chance: random.Random) -> None:
    text = file.read_text(errors="replace")
    file.write_bytes(text.encode(chance.choice(("utf-16", "utf-32", "utf-8-sig"))))


JSONS = (change_value, change_value, change_value, change_shape, no_unicode)


def _told(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return None


def _tell(file: Path, told: Any) -> None:
    try:
        file.write_text(json.dumps(told))
    except (RecursionError, ValueError):
        file.write_text("[" * 5000 + "]" * 5000)


def _place(told: Any, chance: random.Random) -> tuple[Any, Any]:
    """A holder and a key in it: at the top as often as anywhere, where most of what is told are lists of numbers."""
    places = list(_places(told))
    return chance.choice([place for place in places if place[0] is told] if chance.random() < 0.5 else places)


def _places(value: Any) -> Any:
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


def repack(file: Path, outside: Path, chance: random.Random) -> None:
    """The same archive with one member damaged, missing, twice, renamed, or with more than it should hold."""
    members = _members(file)
    if not members:
        return
    name = chance.choice(sorted(members))
    how = chance.randrange(8)
    if how == 0:
        members[name] = lie(members[name], chance)
    elif how == 1:
        del members[name]
    elif how == 2:
        members[chance.choice(("../../evil.npy", "/etc/evil.npy", "\x1b[2J.npy", "a" * 60_000))] = members.pop(name)
    elif how == 3:
        members[name] = changed(members[name], chance)
    elif how == 4:
        members[name] = bytes(chance.choice((200, 20)) << 20)
    elif how == 5:
        members[name] = pickle.dumps(Canary(outside.parent / "executed"))
    elif how == 6:
        members |= {f"{n}.npy": b"" for n in range(chance.choice((10, 5000)))}
    packing = chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    with zipfile.ZipFile(file, "w", packing if how != 4 else zipfile.ZIP_DEFLATED) as archive:
        for entry, data in members.items():
            archive.writestr(entry, data)
        if how == 7:
            import warnings

            with warnings.catch_warnings(action="ignore"):
                archive.writestr(name, members[name])


def lie_in_directory(file: Path, outside: Path, chance: random.Random) -> None:
    """Sizes, offsets, counts and flags of the table of contents that are not so."""
    data = bytearray(file.read_bytes())
    entry, end = data.rfind(b"PK\x01\x02"), data.rfind(b"PK\x05\x06")
    if entry < 0 or end < 0 or len(data) < entry + 46:
        return
    words = [(entry + at, "<I") for at in (16, 20, 24, 42)] + [(end + at, "<I") for at in (12, 16)]
    offset, form = chance.choice([*words, (entry + 8, "<H"), (entry + 10, "<H"), (end + 10, "<H")])
    value = chance.choice((0, 1, 10, 0xFFFF, chance.randrange(0xFFFF), 0xFFFFFFFF if form == "<I" else 0xFFFF))
    data[offset : offset + struct.calcsize(form)] = struct.pack(form, value)
    file.write_bytes(data)


ARCHIVES = (repack, repack, lie_in_directory)


def _members(file: Path) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(file) as archive:
            return {entry.filename: archive.read(entry) for entry in archive.infolist()}
    except Exception:
        return {}


def lie(data: bytes, chance: random.Random) -> bytes:
    """An array whose header is not true of it, or is none."""
    header = chance.choice((
        "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '<U100000000', 'fortran_order': False, 'shape': (), }",
        "{'descr': [('x', '<f8')], 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '<f8', 'fortran_order': True, 'shape': (" + "1, " * 100 + "), }",
        "__import__('os').mkdir('executed')",
        "(" * 1000,
        "'\\d'",
    )).encode()  # fmt: skip
    version = chance.choice((b"\x01\x00", b"\x02\x00", b"\x09\x00"))
    return b"\x93NUMPY" + version + struct.pack("<H", len(header) + 1) + header + b"\n" + data[128:]


def changed(data: bytes, chance: random.Random) -> bytes:
    """A sound array of another type, shape or content."""
    array = np.load(io.BytesIO(data), allow_pickle=False)
    how = chance.randrange(4)
    if how == 0:
        array = array.astype(chance.choice(("float16", "complex128", "int8", "U4")))
    elif how == 1:
        array = np.concatenate([np.atleast_1d(array)] * 2)
    elif how == 2 and array.dtype.kind == "f":
        array = np.full_like(array, chance.choice((np.nan, np.inf, 1e300 if array.dtype == np.float64 else 1e38)))
    else:
        array = np.zeros_like(array)
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def lie_in_header(file: Path, outside: Path, chance: random.Random) -> None:
    """A safetensors header that is not true of its tensors."""
    data = file.read_bytes()
    size = int.from_bytes(data[:8], "little")
    try:
        header = json.loads(data[8 : 8 + size])
    except ValueError:
        return
    name = chance.choice([key for key in header if key != "__metadata__"])
    body = bytearray(data[8 + size :])
    how = chance.randrange(6)
    if how == 0:
        header[name]["dtype"] = chance.choice(("F64", "I8", "BF16", "F8_E4M3", "X"))
    elif how == 1:
        header[name]["shape"] = chance.choice(([10**12], [-1], [], [2**63, 2], [1] * 70))
    elif how == 2:
        header[name]["data_offsets"] = chance.choice(([0, 2**62], [-1, 4], [4, 0], [0, 4]))
    elif how == 3:
        header[chance.choice(TEXTS) or "x"] = header.pop(name)
    elif how == 4:
        begin, end = header[name]["data_offsets"]
        body[begin:end] = struct.pack("<f", chance.choice((np.nan, np.inf, 1e38))) * ((end - begin) // 4)
    else:
        data = struct.pack("<Q", chance.choice((2**63, 10**9, 1))) + data[8:]
        file.write_bytes(data)
        return
    text = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + body)


TENSORS = (lie_in_header,)
