"""Frames between the host and a reward process: standard library only, used on both sides.

Little endian; every part of a body is padded to 8 bytes.

    request  magic, stream, flags, number, T, N, bytes | starts (T x N) | one array per signal, in the spec's order
    answer   magic, status, columns, number, rows, bytes | body by status

A body lies in shared memory where it fits there and the magic says so, else it follows on the pipe.
"""

from __future__ import annotations

import io
import json
import mmap
import struct
from collections.abc import Iterable
from typing import Any

REQUEST = struct.Struct("<4sHHIIIQ")
ANSWER = struct.Struct("<4sHHIIQ")
ASKED, ANSWERED = b"RWRQ", b"RWAN"
ASKED_THERE, ANSWERED_THERE = b"RWRS", b"RWAS"
"""The same, with the body in shared memory."""
REQUEST_ROOM, ANSWER_ROOM = 256 << 20, 64 << 20
"""Bytes of shared memory for bodies; only what is used takes memory."""
COLUMNS, SCORED, FAULT, LOCKED, UNLOCKED, READY = range(6)
"""Statuses of an answer: arrays, a score, a fault of the source, and the three steps of starting."""

MOST_COMPONENTS = 64
LONGEST_NAME = 80
MOST_SPEC = 1 << 20
MOST_TOLD = 1 << 16
"""Bytes of JSON in an answer: names, a fault. A process that tells more takes the host's memory."""


class HostGone(Exception):
    """Descriptor 0 was closed: nobody asks any more."""


class Pipes:
    """Frames in the process: requests on one descriptor, answers on another, bodies in `rooms` where there are any."""

    def __init__(self, requests: int, answers: int, rooms: tuple[mmap.mmap, mmap.mmap] | None) -> None:
        self._in = io.FileIO(requests, closefd=False)
        self._out = io.FileIO(answers, "w", closefd=False)
        self._asked, self._answered = memoryview(b""), memoryview(b"")
        if rooms is not None:
            self._asked, self._answered = memoryview(rooms[0]), memoryview(rooms[1])

    def receive(self, size: int) -> memoryview:
        """Exactly `size` bytes, read-only; raises HostGone when the host has gone."""
        buffer = bytearray(size)
        view = memoryview(buffer)
        got = 0
        while got < size:
            count = self._in.readinto(view[got:])
            if not count:
                raise HostGone
            got += count
        return view.toreadonly()

    def receive_body(self, magic: bytes, size: int) -> memoryview:
        """The body of a request, read-only; raises HostGone when the host has gone, or speaks another language."""
        if magic == ASKED_THERE:
            return self._asked[:size]
        if magic != ASKED:
            raise HostGone
        return self.receive(size)

    def receive_spec(self) -> dict[str, Any]:
        """The specification: its length, then JSON."""
        (size,) = struct.unpack("<Q", self.receive(8))
        if size > MOST_SPEC:
            raise HostGone
        spec: dict[str, Any] = json.loads(bytes(self.receive(size)))
        return spec

    def send(self, status: int, number: int, columns: int, rows: int, *parts: Any) -> None:
        """One answer; each part is any contiguous buffer."""
        views = [memoryview(part).cast("B") for part in parts if memoryview(part).nbytes]
        size = sum(view.nbytes for view in views)
        there = size <= len(self._answered)
        header = ANSWER.pack(ANSWERED_THERE if there else ANSWERED, status, columns, number, rows, size)
        if there:
            put(self._answered, views)
        for view in (memoryview(header), *(() if there else views)):
            sent = 0
            while sent < view.nbytes:
                sent += self._out.write(view[sent:]) or 0

    def say(self, status: int, number: int, told: dict[str, object]) -> None:
        """One answer whose body is JSON."""
        self.send(status, number, 0, 0, padded(json.dumps(told).encode()))


def put(room: memoryview, views: Iterable[memoryview]) -> None:
    """Copy bytes into shared memory, one after the other."""
    at = 0
    for view in views:
        room[at : at + view.nbytes] = view
        at += view.nbytes


def padded(data: bytes) -> bytes:
    """`data` as a part: its length (8 bytes), itself, zeros up to a multiple of 8."""
    return struct.pack("<Q", len(data)) + data + bytes(-len(data) % 8)
