"""Process trees: find what descends from a process, and kill all of it. Linux; standard library only."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PATIENCE_S = 10.0


def adopt_orphans() -> None:
    """Make this process the parent of every descendant whose own parent ends, so that none can leave the tree."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(signal_number: int, parent: int) -> None:
    """Receive `signal_number` when the parent's thread that started this process ends; at once if it has ended."""
    _prctl(_PR_SET_PDEATHSIG, signal_number)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal_number)


def descendants(pid: int) -> list[int]:
    """Living processes below `pid`; zombies are left out, what lies below them is not."""
    children: dict[int, list[tuple[int, str]]] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208 - a Path per process would cost more than the scan
        if entry.isdigit() and (stat := _stat(int(entry))) is not None:
            children.setdefault(int(stat[1]), []).append((int(entry), stat[0]))
    found: list[int] = []
    queue = [pid]
    while queue:
        for child, state in children.pop(queue.pop(), ()):
            queue.append(child)
            if state not in "ZX":
                found.append(child)
    return found


def started_at(pid: int) -> int | None:
    """When `pid` started, in clock ticks since boot, which tells it from a later process of the same number."""
    stat = _stat(pid)
    return None if stat is None or stat[0] in "ZX" else int(stat[19])


def kill_descendants(pid: int) -> None:
    """Kill everything below `pid`, again and again until nothing is left.

    `pid` must adopt orphans, or be a process whose children are namespaces of their own; it must not start anything
    meanwhile (stop it first, or be it).

    Raises:
        TimeoutError: Something would not die within ten seconds.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while found := descendants(pid):
        for child in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes {found} below {pid} survive SIGKILL")
        time.sleep(0.002)


def kill_tree(pid: int) -> None:
    """Kill `pid` and everything below it; `pid` stays a zombie until its parent reaps it. Nothing if it is gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
        try:
            kill_descendants(pid)
        finally:
            os.kill(pid, signal.SIGKILL)


def _stat(pid: int) -> list[str] | None:
    """Fields of `/proc/<pid>/stat` from the state on; the name before may hold spaces and brackets."""
    try:
        with open(f"/proc/{pid}/stat", errors="replace") as file:  # noqa: PTH123 - the launcher has no time for pathlib
            return file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}, {value})")
