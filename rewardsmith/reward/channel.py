"""The host's end of a locked process: start it, ask under a deadline, kill it. Knows bytes, not rewards."""

from __future__ import annotations

import contextlib
import json
import math
import os
import select
import signal
import struct
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rewardsmith.domain.job import RewardLimits
from rewardsmith.domain.survey import Signal
from rewardsmith.errors import IsolationUnavailable, RewardProcessError
from rewardsmith.reward import frames
from rewardsmith.reward.child import spawn
from rewardsmith.reward.deadline import Deadline
from rewardsmith.reward.rejection import printable

MOST_NOISE = 1 << 20
KEPT_NOISE = 2000
_LEAVE_S = 10.0
"""How long a process that has closed its output may take to end: one that goes on is no reward process any more."""
UP_S = 30.0
"""Wall clock from spawn to locked. Nothing of the candidate has run by then: being late is the machine's fault."""
OUTSIDE = {signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
"""Signals that a locked process cannot send to itself: whoever it was, it was not the candidate."""


class Ended(Exception):
    """The process is gone; `code` is its exit status, 128 + n for signal n."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exit status {code}")
        self.code = code

    @property
    def from_outside(self) -> bool:
        """Whether somebody else ended it.

        A locked process cannot send itself SIGKILL, SIGTERM, SIGINT or SIGHUP, and cannot exit with a status that looks
        like one: such an end is never the candidate's doing.
        """
        return self.code - 128 in OUTSIDE

    def as_infrastructure(self) -> RewardProcessError:
        """The error for an end from outside."""
        return RewardProcessError(
            f"the reward process was killed from outside (signal {self.code - 128})",
            hint="by a person, a supervisor, or the kernel for want of memory; running it again may help",
        )


class Late(Exception):
    """No full answer before the deadline."""


class Garbled(Exception):
    """What came is no answer, or too much."""


class Answered(NamedTuple):
    """One frame of the process, its lengths checked."""

    status: int
    columns: int
    rows: int
    body: memoryview


class Channel:
    """One locked process. Not safe for use by two threads at once; it dies with the thread that started it."""

    def __init__(self, spec: dict[str, Any], limits: RewardLimits, namespaces_wanted: bool | None) -> None:
        """Start the process and wait until it is locked: nothing of the candidate has run by then.

        Raises:
            IsolationUnavailable: This machine has not what was asked for.
            RewardProcessError: The process could not be started.
        """
        self._limits = limits
        self._number = 0
        self._noise = b""
        self._noise_bytes = 0
        self._code: int | None = None
        data = json.dumps({**spec, "memory_mib": limits.memory_mib, "unsafe": limits.unsafe}).encode()
        if len(data) > frames.MOST_SPEC:
            raise RewardProcessError(f"a source of {len(data)} bytes does not go into a reward process")
        self._child = spawn(namespaces_wanted, patience_s=UP_S)
        self._poll = select.poll()
        self._poll.register(self._child.out, select.POLLIN)
        self._poll.register(self._child.err, select.POLLIN)
        self._deadline = Deadline(UP_S, self._child.starved)
        try:
            self._write([struct.pack("<Q", len(data)), data])
            locked = self._read(most=1 << 16)
        except (Ended, Late, Garbled) as error:
            self.close()
            raise RewardProcessError(
                f"the reward process did not come up ({_said(error)}){self._last_words()}",
                hint="`rewardsmith doctor` tells what this machine can do; more memory, or less other work, may help",
            ) from error
        if locked.status == frames.UNLOCKED:
            reason = str(told(locked.body).get("reason", ""))[:200]
            self.close()
            raise IsolationUnavailable(
                f"a reward process cannot be locked here: {reason}",
                hint="use a machine with Landlock and seccomp (`rewardsmith doctor` tells what this one has), or say "
                "`--unsafe-no-sandbox` to run rewards without them",
            )
        if locked.status != frames.LOCKED:
            self.close()
            raise RewardProcessError("the reward process spoke out of turn before any candidate ran")
        self._deadline = Deadline(limits.start_seconds, self._child.starved)

    @property
    def pid(self) -> int:
        """Process that was started: the interpreter, or bubblewrap around it."""
        return self._child.process.pid

    @property
    def closed(self) -> bool:
        """Whether the process has been ended."""
        return self._code is not None

    def wait_ready(self) -> Answered:
        """What the process says after it has run the module body. Raises Ended, Late or Garbled."""
        return self._read(most=1 << 16)

    def ask(self, stream: int, flags: int, steps: int, width: int, parts: Sequence[Any], most: int) -> Answered:
        """One request and its answer.

        Args:
            stream: Number of the stream.
            flags: 1 for a terminated episode (score rule).
            steps: T.
            width: N.
            parts: Contiguous buffers; each is padded to 8 bytes.
            most: Largest body that an answer may have.

        Raises:
            Ended: The process is gone.
            Late: Its seconds ran out.
            Garbled: What came is no answer.
        """
        self._deadline = Deadline(self._limits.seconds, self._child.starved)
        self._number = (self._number + 1) & 0xFFFFFFFF
        views: list[memoryview] = []
        size = 0
        for part in parts:
            view = memoryview(part).cast("B") if memoryview(part).nbytes else memoryview(b"")
            views.append(view)
            if view.nbytes % 8:
                views.append(memoryview(bytes(-view.nbytes % 8)))
            size += view.nbytes + -view.nbytes % 8
        there = size <= len(self._child.asked)
        magic = frames.ASKED_THERE if there else frames.ASKED
        header = frames.REQUEST.pack(magic, stream, flags, self._number, steps, width, size)
        if there:
            frames.put(self._child.asked, views)
        self._write([header, *(() if there else views)])
        return self._read(most)

    def close(self) -> None:
        """Kill the whole process tree; nothing of it is left on return. Safe to repeat."""
        if self._code is None:
            self._child.kill()
            self._collect()

    def _collect(self) -> int:
        """Wait for the process and for everything in its namespace, then let go."""
        self._code = self._child.wait()
        self._drain_noise()
        self._child.let_go()
        return self._code

    def _ended(self) -> Ended | Garbled:
        """The process has closed its output: see it off."""
        try:
            code = self._child.process.wait(timeout=max(1.0, min(_LEAVE_S, self._deadline.left())))
        except subprocess.TimeoutExpired:
            self.close()
            return Garbled()
        self._collect()
        return Ended(128 - code if code < 0 else code)

    def _wait(self) -> dict[int, int]:
        events: dict[int, int] = {}
        while not events and (left := self._deadline.wait()):
            events = dict(self._poll.poll(math.ceil(left * 1000)))
        if not events:
            self.close()
            raise Late
        if events.pop(self._child.err, 0):
            self._drain_noise()
        return events

    def _drain_noise(self) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._child.err, 1 << 16)
            if not data:
                with contextlib.suppress(KeyError):
                    self._poll.unregister(self._child.err)
            self._noise_bytes += len(data)
            self._noise = (self._noise + data)[-KEPT_NOISE:]
        if self._noise_bytes > MOST_NOISE and self._code is None:
            self.close()
            raise Garbled

    def _write(self, parts: Sequence[memoryview | bytes]) -> None:
        queue = [view for part in parts if (view := memoryview(part)).nbytes]
        while queue:
            try:
                sent = os.writev(self._child.into, queue[:64])
            except BlockingIOError:
                self._poll.register(self._child.into, select.POLLOUT)
                try:
                    events = self._wait()
                finally:
                    if self._code is None:
                        self._poll.unregister(self._child.into)
                if self._child.out in events and self._child.into not in events:
                    return  # it speaks before it has heard all: a fault, or its end
                continue
            except BrokenPipeError:
                return
            while sent:
                if sent >= queue[0].nbytes:
                    sent -= queue.pop(0).nbytes
                else:
                    queue[0] = queue[0][sent:]
                    sent = 0

    def _read(self, most: int) -> Answered:
        header = self._receive(frames.ANSWER.size)
        magic, status, columns, number, rows, size = frames.ANSWER.unpack(header)
        there = magic == frames.ANSWERED_THERE and size <= len(self._child.answered)
        if not (there or magic == frames.ANSWERED) or number != self._number or size > most:
            self.close()
            raise Garbled
        # copied before anything is checked: the process can still write there
        body = memoryview(bytearray(self._child.answered[:size])) if there else self._receive(size)
        return Answered(status, columns, rows, body)

    def _receive(self, size: int) -> memoryview:
        view = memoryview(bytearray(size))
        got = 0
        while got < size:
            try:
                count = os.readv(self._child.out, [view[got:]])
            except BlockingIOError:
                self._wait()
                continue
            if not count:
                raise self._ended()
            got += count
        return view

    def _last_words(self) -> str:
        """What the process wrote on descriptor 2 before any candidate ran: trusted code only, but kept short."""
        text = self._noise.decode(errors="replace").strip().splitlines()
        return f": {printable(text[-1], 200)}" if text else ""


def column(arrays: Mapping[str, npt.NDArray[Any]], signal: Signal, rows: tuple[int, ...]) -> npt.NDArray[Any]:
    """The array of a signal, contiguous and in its type; raises ValueError where it is missing or misshapen."""
    if signal.name not in arrays:
        raise ValueError(f"signal {signal.name!r} is missing; there are {', '.join(sorted(arrays)) or 'none'}")
    array = np.ascontiguousarray(arrays[signal.name], dtype=signal.dtype)
    if array.shape != (*rows, *signal.shape):
        raise ValueError(f"signal {signal.name!r} has shape {array.shape}, expected {(*rows, *signal.shape)}")
    return array


def told(body: memoryview) -> dict[str, Any]:
    """The JSON object in a body; an empty one where there is none."""
    try:
        (size,) = struct.unpack_from("<Q", body)
        value = json.loads(bytes(body[8 : 8 + size])) if size <= frames.MOST_TOLD else None
    except (ValueError, struct.error, RecursionError, OverflowError):
        return {}
    return value if isinstance(value, dict) else {}


def _said(error: Exception) -> str:
    if isinstance(error, Ended):
        return str(error)
    return f"not ready after {UP_S:g} s" if isinstance(error, Late) else "no answer that can be read"
