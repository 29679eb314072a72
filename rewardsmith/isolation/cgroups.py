"""A control group for each worker, where this process may make some: limits bind its whole tree, not each process.

A worker's group is made below the group of whoever starts it (version 1), or beside it, in a parent that was delegated
(version 2: the scope or service of systemd), so the limits that already hold go on holding. Standard library only.
"""

from __future__ import annotations

import contextlib
import functools
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_PREFIX = "rewardsmith-"
_PATIENCE_S = 10.0
_CONTROLLERS = ("memory", "pids")


@dataclass(frozen=True)
class Places:
    """Folders in which groups can be made; under version 2 both are the same."""

    version: int
    """Version of control groups."""
    memory: Path
    """Where memory is limited."""
    pids: Path
    """Where processes are limited."""


@functools.cache
def places() -> Places | str:
    """Where this process can make groups, or why it cannot; tried once per process."""
    try:
        found = _find(Path("/proc/self/cgroup").read_text(), Path("/proc/self/mountinfo").read_text())
        if isinstance(found, Places):
            Group(found, memory=2**30, processes=1).close()
    except OSError as error:
        return f"{error.filename or 'control groups'}: {error.strerror}"
    return found


def describe() -> str:
    """In a line: whether limits bind a worker as a whole, or each of its processes alone, and why."""
    found = places()
    if isinstance(found, str):
        return f"rlimits alone, per process ({found})"
    return f"cgroup v{found.version}: memory and processes of the whole worker are limited"


class Group:
    """A group that nobody is in yet; a context manager that removes it. What was in it must be dead by then.

    Where none can be made it is one that limits nothing.
    """

    def __init__(self, where: Places | str, *, memory: int, processes: int) -> None:
        """Make it, and sweep those whose maker is gone.

        Args:
            where: What `places` found.
            memory: Bytes, swap included.
            processes: Processes and threads.

        Raises:
            OSError: It cannot be made or limited.
        """
        self._folders: list[Path] = []
        self.joins: tuple[int, ...] = ()
        """Descriptors, one per folder: who writes `0` to each is in the group, and so is all that it starts."""
        if isinstance(where, str):
            return
        try:
            for parent in dict.fromkeys((where.memory, where.pids)):
                _sweep(parent)
                self._folders.append(Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent)))
            if where.version == 1:
                (self._folders[0] / "memory.limit_in_bytes").write_text(str(memory))
                _set_if_there(self._folders[0] / "memory.memsw.limit_in_bytes", memory)
            else:
                (self._folders[0] / "memory.max").write_text(str(memory))
                _set_if_there(self._folders[0] / "memory.swap.max", 0)
                _set_if_there(self._folders[0] / "memory.oom.group", 1)
            (self._folders[-1] / "pids.max").write_text(str(processes))
            for folder in self._folders:
                self.joins += (os.open(folder / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC),)
        except OSError:
            self.close()
            raise

    @property
    def out_of_memory(self) -> bool:
        """Whether the kernel has killed one of its processes for the limit on memory."""
        for name in ("memory.events", "memory.oom_control") if self._folders else ():
            with contextlib.suppress(FileNotFoundError):
                words = (self._folders[0] / name).read_text().split()
                return int(dict(zip(words[::2], words[1::2], strict=False)).get("oom_kill", "0")) > 0
        return False

    def close(self) -> None:
        """Remove it; what cannot be removed is swept by a later one. Safe to repeat."""
        for descriptor in self.joins:
            os.close(descriptor)
        self.joins = ()
        deadline = time.monotonic() + _PATIENCE_S
        while self._folders:
            try:
                self._folders[-1].rmdir()
            except FileNotFoundError:
                pass
            except OSError:  # the dead are still in it, for a moment
                if time.monotonic() < deadline:
                    time.sleep(0.001)
                    continue
            self._folders.pop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _find(own: str, mounts: str) -> Places | str:
    """Where groups may lie, from `/proc/self/cgroup` and `/proc/self/mountinfo`, or why nowhere."""
    paths: dict[str, str] = {}
    for line in own.splitlines():
        _, controllers, path = line.split(":", 2)
        paths |= dict.fromkeys(controllers.split(","), path)
    folders: dict[str, Path] = {}
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        root, point = before.split()[3:5]
        kind, _, options = after.split()[:3]
        if kind not in ("cgroup", "cgroup2"):
            continue
        for name in ("",) if kind == "cgroup2" else options.split(","):
            with contextlib.suppress(KeyError, ValueError):
                folders[name] = Path(point) / Path(paths[name]).relative_to(root)
    if all(name in folders for name in _CONTROLLERS):
        return Places(1, folders["memory"], folders["pids"])
    if "" not in folders:
        return "no control groups are mounted"
    for folder in (folders[""], folders[""].parent):
        with contextlib.suppress(OSError):
            if set(_CONTROLLERS) <= set((folder / "cgroup.subtree_control").read_text().split()):
                return Places(2, folder, folder)
    return (
        f"memory and pids are delegated neither by {folders['']} nor by its parent; "
        "`systemd-run --user --scope rewardsmith ...` gives a scope that has them"
    )


def _sweep(parent: Path) -> None:
    """Remove empty groups whose maker was killed before it could, those of makers that were started elsewhere too."""
    for group in (*parent.glob(f"{_PREFIX}*-*"), *parent.parent.glob(f"*/{_PREFIX}*-*")):
        maker = group.name.removeprefix(_PREFIX).partition("-")[0]
        if maker.isdigit() and not Path("/proc", maker).exists():
            with contextlib.suppress(OSError):
                group.rmdir()


def _set_if_there(path: Path, value: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.write_text(str(value))
