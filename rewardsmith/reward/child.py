"""Starts the interpreter that becomes a locked process, in namespaces where they are wanted, and sees it off."""

from __future__ import annotations

import contextlib
import fcntl
import json
import mmap
import os
import select
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from rewardsmith.errors import IsolationUnavailable, RewardProcessError
from rewardsmith.isolation import lockdown, namespaces
from rewardsmith.reward import frames, start

START = Path(start.__file__).resolve()
CODE = (START.parent, Path(lockdown.__file__).resolve().parent)
PIPE = 1 << 20


@dataclass(frozen=True)
class Child:
    """A process with our ends of its pipes, none of which block."""

    process: subprocess.Popen[bytes]
    """The interpreter, or bubblewrap around it."""
    into: int
    """What we write on."""
    out: int
    """Where its answers come."""
    err: int
    """Where its noise comes."""
    asked: memoryview
    """Shared memory for requests, which it can only read; empty where this system has none."""
    answered: memoryview
    """Shared memory for answers; it can write there at any time."""
    inner: int | None
    """The first process of its namespace, where it has one: its death is the death of all inside."""

    def starved(self) -> float:
        """Seconds for which it could have run and had no processor, so far; 0 where this system does not tell."""
        waited, pid = 0, str(self.process.pid)
        with contextlib.suppress(OSError, ValueError, IndexError):
            while pid:
                place = Path("/proc", pid)
                waited += int((place / "schedstat").read_text().split()[1])
                pid = (place / "task" / pid / "children").read_text().partition(" ")[0]
        return waited / 1e9

    def kill(self) -> None:
        """Kill the process group; `wait` sees to the rest. Safe to repeat."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Wait for the process and for everything in its namespace; its exit code."""
        code = self.process.wait()
        if self.inner is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.inner, signal.SIGKILL)
            _readable(self.inner, 10)  # it becomes so when the last process inside is dead
            os.close(self.inner)
        return code

    def let_go(self) -> None:
        """Close our ends."""
        self.asked.release()
        self.answered.release()
        for end in (self.into, self.out, self.err):
            os.close(end)


def spawn(namespaces_wanted: bool | None, *, patience_s: float) -> Child:
    """Start the process; None takes namespaces where they can be had.

    Args:
        namespaces_wanted: Whether it gets namespaces of its own.
        patience_s: Seconds that bubblewrap may take to say who is inside.

    Raises:
        IsolationUnavailable: This machine has not what was asked for.
        RewardProcessError: The process could not be started.
    """
    boxed = False
    if namespaces_wanted is not False:
        reason = namespaces.unavailable()
        if reason is None:
            boxed = True
        elif namespaces_wanted:
            raise IsolationUnavailable(f"no namespaces for a reward process: {reason.split(':')[0]}", hint=reason)
    ends: list[int] = []
    try:
        for _ in range(4):
            ends.extend(os.pipe2(os.O_CLOEXEC))
        child = [ends[0], ends[3], ends[5], ends[7]]
        into, out, err, info = ends[1], ends[2], ends[4], ends[6]
        asked, answered, rooms = _rooms()
        ends += rooms
        child += rooms
        command = [*namespaces.interpreter(), str(START), str(namespaces.library()), *map(str, rooms)]
        if boxed:
            command = [*namespaces.prefix(CODE, info=child[3]), *command]
        for end in (into, out):
            with contextlib.suppress(OSError):
                fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, PIPE)
        for end in (into, out, err):
            os.set_blocking(end, False)
        process = subprocess.Popen(
            command, stdin=child[0], stdout=child[1], stderr=child[2], env=namespaces.environment(), cwd="/",
            start_new_session=True, pass_fds=child[3:] if boxed else rooms,
        )  # fmt: skip
    except OSError as error:
        for end in ends:
            os.close(end)
        raise RewardProcessError(f"the reward process could not be started: {error.strerror}") from error
    for end in child:
        os.close(end)
    inner = _first_inside(info, patience_s) if boxed else None
    os.close(info)
    return Child(process, into, out, err, asked, answered, inner)


def _rooms() -> tuple[memoryview, memoryview, list[int]]:
    """Memory for requests and for answers, mapped here, and the descriptors by which a process can map it too.

    There is none where the system has no such memory, or a limit on the size of files forbids it.
    """
    descriptors: list[int] = []
    try:
        asked = _room(frames.REQUEST_ROOM, os.O_RDONLY, descriptors)
        return asked, _room(frames.ANSWER_ROOM, os.O_RDWR, descriptors), descriptors
    except (OSError, AttributeError):
        for descriptor in descriptors:
            os.close(descriptor)
        return memoryview(b""), memoryview(b""), []


def _room(size: int, access: int, descriptors: list[int]) -> memoryview:
    """Memory of a fixed size; adds a descriptor that gives no more than `access`."""
    whole = os.memfd_create("rewardsmith", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(whole, size)
        fcntl.fcntl(whole, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
        room = memoryview(mmap.mmap(whole, size))
        descriptors.append(os.open(f"/proc/self/fd/{whole}", access | os.O_CLOEXEC))
    finally:
        os.close(whole)
    return room


def _first_inside(info: int, patience_s: float) -> int | None:
    """A descriptor of the first process in bubblewrap's namespace.

    Bubblewrap writes its JSON in pieces, and dies of a pipe that is closed too early.
    """
    said = b""
    while not said.rstrip().endswith(b"}"):
        if not _readable(info, patience_s) or not (piece := os.read(info, 4096)):
            return None
        said += piece
    try:
        return os.pidfd_open(int(json.loads(said)["child-pid"]))
    except (ValueError, KeyError, OSError):
        return None


def _readable(descriptor: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(seconds * 1000))
