"""The depot: finished files of all hosts' runs at any address of fsspec's, such as `s3://bucket/prefix`.

A bundle is a folder of files under one name. Its files lie under the hash of their list, the list is written last:

    <name>.json             what the bundle holds, with sizes and hashes
    <name>/<hash>/...       its files

So whoever finds a list finds all that it names, two writers of one bundle do not mix, and what is fetched is checked.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import cached_property
from io import BufferedRandom, BufferedReader
from pathlib import Path
from typing import IO, Any, Literal

from pydantic import Field, ValidationError

from rewardsmith.domain.record import Record
from rewardsmith.errors import DepotAway, MissingExtra, RewardsmithError, StoreError, UsageError, one_line
from rewardsmith.store.artifacts import write_durably
from rewardsmith.store.database import without_password
from rewardsmith.store.untrusted import opened

_NAME = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,99}/){0,4}[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_MOST_FILES = 4096
_MOST_BYTES = 4 << 30
_LIST_BYTES = 2 << 20
_CHUNK = 1 << 20
_REMEMBERED_S = 10.0
"""For how long it is believed what a list says, that there is none, or that nothing can be reached: pages ask often."""


_PATIENCE = {"connect_timeout": 10, "retries": {"max_attempts": 1}}
_OPTIONS = {protocol: {"config_kwargs": _PATIENCE} for protocol in ("s3", "s3a")}
"""By protocol: its own defaults make a page wait for minutes."""


class _File(Record):
    size: int = Field(ge=0, le=_MOST_BYTES)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class _List(Record):
    """What a bundle holds."""

    version: Literal[1] = 1
    files: dict[str, _File] = Field(max_length=_MOST_FILES)

    @cached_property
    def digest(self) -> str:
        """Names the folder of the files."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


class Depot:
    """Bundles at one address. Safe to use from many threads; nothing is asked before the first bundle.

    Methods raise DepotAway where the address cannot be reached or refuses, MissingExtra where it needs a package.
    """

    def __init__(self, address: str) -> None:
        self.place = without_password(address).rstrip("/")
        """The address as it may be shown."""
        self._address = address
        self._lists: dict[str, tuple[float, _List | None]] = {}
        self._away = (-_REMEMBERED_S, "")

    def put(self, name: str, folder: Path, files: tuple[str, ...] | None = None) -> str:
        """Store these files of `folder` as one bundle; every plain file below it when absent. Raises StoreError too.

        Links, names that no program of ours gives, and what lies deeper than any of theirs are left out. Returns what
        `remove` calls it by once another is in its place.
        """
        found = {}
        for each in sorted(_below(folder) if files is None else files):
            with opened(folder, each) as file:
                found[each] = _File(size=os.fstat(file.fileno()).st_size, sha256=_hash(file))
        bundle = _List(files=found)
        for each in found:
            with (
                opened(folder, each) as file,
                self._reached() as (system, root),
                system.open(f"{root}/{name}/{bundle.digest}/{each}", "wb") as stored,
            ):
                shutil.copyfileobj(file, stored, _CHUNK)
        with self._reached() as (system, root):
            _replace(system, f"{root}/{name}.json", bundle.model_dump_json(indent=1).encode())
        self._lists.pop(name, None)
        return bundle.digest

    def remove(self, name: str, digest: str) -> None:
        """Remove the files of a bundle that has been replaced long enough; what cannot be removed stays."""
        system, root = self._system
        with contextlib.suppress(Exception):
            system.rm(f"{root}/{name}/{digest}", recursive=True)

    def fetch(self, name: str, into: Path) -> Path | None:
        """The folder below `into` that holds the bundle, fetched unless it is there; None where there is none.

        It is there whole or not at all. Raises StoreError too: a file is missing or damaged, or the disk is full.
        """
        bundle = self._list(name)
        if bundle is None:
            return None
        folder = into / bundle.digest
        if not folder.exists():
            try:
                self._fetch(name, bundle, folder)
            except OSError as error:
                raise StoreError(f"cannot write {folder}: {error.strerror}", hint="free some space") from error
        return folder

    def lists(self, name: str) -> bool:
        """Whether there is such a bundle."""
        return self._list(name) is not None

    def holds(self, name: str) -> bool:
        """Whether there is anything below this name."""
        with self._reached() as (system, root):
            return bool(system.exists(f"{root}/{name}"))

    def look(self) -> None:
        """Write, read and remove a trial object."""
        name = f".trial-{os.getpid()}-{threading.get_ident()}"
        with self._reached() as (system, root):
            system.pipe_file(f"{root}/{name}", b"trial")
            system.cat_file(f"{root}/{name}")
            system.rm_file(f"{root}/{name}")

    def _fetch(self, name: str, bundle: _List, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=".part-", dir=folder.parent))
        try:
            with self._reached() as (system, root):
                for each, promised in bundle.files.items():
                    source = f"{root}/{name}/{bundle.digest}/{each}"
                    (partial / each).parent.mkdir(parents=True, exist_ok=True)
                    with system.open(source, "rb") as stored, (partial / each).open("xb+") as file:
                        _copy(stored, file, promised.size)
                        file.seek(0)
                        if _hash(file) != promised.sha256:
                            raise StoreError(f"{self.place}/{name}: {each} is not what was stored")
            partial.chmod(0o755)
            with contextlib.suppress(OSError):  # another process was quicker
                partial.rename(folder)
            if not folder.is_dir():
                raise StoreError(f"cannot write {folder}")
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _list(self, name: str) -> _List | None:
        asked, known = self._lists.get(name, (-_REMEMBERED_S, None))
        if time.monotonic() - asked < _REMEMBERED_S:
            return known
        found = None
        with self._reached() as (system, root):
            try:
                with system.open(f"{root}/{name}.json", "rb") as stored:
                    data = stored.read(_LIST_BYTES + 1)
            except FileNotFoundError:
                data = None
        if data is not None:
            found = _read(data, f"{self.place}/{name}.json")
        self._lists[name] = (time.monotonic(), found)
        return found

    @contextlib.contextmanager
    def _reached(self) -> Iterator[tuple[Any, str]]:
        """The file system and our place in it; whatever it raises is DepotAway, for a while without asking again."""
        since, said = self._away
        if time.monotonic() - since < _REMEMBERED_S:
            raise DepotAway(said, hint=_HINT)
        try:
            yield self._system
        except RewardsmithError:
            raise
        except FileNotFoundError as error:
            raise StoreError(f"{self.place} lacks a file: {one_line(str(error))}", hint=_HINT) from error
        except Exception as error:  # each kind of storage raises its own types
            said = f"{self.place} cannot be used: {one_line(without_password(str(error)) or type(error).__name__)}"
            self._away = time.monotonic(), said
            raise DepotAway(said, hint=_HINT) from error

    @cached_property
    def _system(self) -> tuple[Any, str]:
        try:
            from fsspec.core import url_to_fs
            from fsspec.implementations.local import LocalFileSystem
            from fsspec.utils import get_protocol
        except ModuleNotFoundError as error:
            raise MissingExtra("artifacts elsewhere need fsspec", hint=_INSTALL) from error
        try:
            options = _OPTIONS.get(get_protocol(self._address), {})
            system, root = url_to_fs(self._address, **options, use_listings_cache=False)
        except ImportError as error:
            raise MissingExtra(f"{self.place} needs a package: {one_line(str(error))}", hint=_INSTALL) from error
        except ValueError as error:
            said = one_line(without_password(str(error)))
            raise UsageError(f"{self.place!r} is no address of fsspec's: {said}", hint="such as s3://bucket") from error
        if isinstance(system, LocalFileSystem):
            system.auto_mkdir = True
        return system, root.rstrip("/")


_HINT = "is it there, and may this user write there? What is under way waits a minute for it"
_INSTALL = "pip install 'rewardsmith[s3]', or the package of that storage"


def _read(data: bytes, place: str) -> _List:
    try:
        bundle = _List.model_validate_json(data, strict=True)
    except ValidationError as error:
        raise StoreError(f"{place} is no list of files: {error.errors()[0]['type']}") from error
    if not all(_NAME.fullmatch(name) for name in bundle.files):
        raise StoreError(f"{place} names a file that cannot lie in a bundle")
    return bundle


def _below(folder: Path) -> Iterator[str]:
    """Paths of the plain files below a folder that a worker wrote."""
    count = 0
    for path, folders, files in os.walk(folder):
        folders[:] = [each for each in folders if not os.path.islink(os.path.join(path, each))]  # noqa: PTH114, PTH118
        for each in files:
            name = (Path(path) / each).relative_to(folder).as_posix()
            status = (folder / name).lstat()
            plain = (status.st_mode & 0o170000) == 0o100000 and status.st_nlink == 1 and status.st_size <= _MOST_BYTES
            if plain and _NAME.fullmatch(name) and count < _MOST_FILES:
                count += 1
                yield name


def _hash(file: BufferedReader | BufferedRandom) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()


def _copy(stored: IO[bytes], file: IO[bytes], size: int) -> None:
    """Copy `size` bytes, and one more if there are more: the hash then tells."""
    left = size + 1
    while left > 0 and (chunk := stored.read(min(_CHUNK, left))):
        file.write(chunk)
        left -= len(chunk)


def _replace(system: Any, path: str, data: bytes) -> None:
    """Replace one object in one step: elsewhere than in a folder, every object is."""
    from fsspec.implementations.local import LocalFileSystem

    if isinstance(system, LocalFileSystem):
        write_durably(Path(path), data)
    else:
        system.pipe_file(path, data)
