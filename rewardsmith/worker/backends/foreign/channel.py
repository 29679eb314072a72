"""Orders and answers between a worker and its simulator: JSON with its length before it, over a pair of pipes.

Used on both sides: Python 3.8, standard library only.
"""

from __future__ import annotations

import json
import os
import select
import struct
import time
from typing import Any

__all__ = ["MOST", "Channel", "Fault", "Gone", "TooLate"]

MOST = 64 << 20
"""Bytes of one message."""
_LENGTH = struct.Struct("<Q")
_CHUNK = 1 << 20


class Gone(Exception):
    """The other side has closed its end, or talks nonsense."""


class TooLate(Exception):
    """The other side did not answer in time."""


class Channel:
    """One end of the pair. Owns both descriptors."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        self._in, self._out = incoming, outgoing

    def send(self, message: dict[str, Any]) -> None:
        """Send one message. Raises Gone."""
        body = json.dumps(message).encode()
        left = memoryview(_LENGTH.pack(len(body)) + body)
        try:
            while left:
                left = left[os.write(self._out, left) :]
        except OSError as error:
            raise Gone(str(error)) from error

    def receive(self, seconds: float | None = None) -> dict[str, Any]:
        """Wait for one message, for so long at the most. Raises Gone, TooLate."""
        deadline = None if seconds is None else time.monotonic() + seconds
        (size,) = _LENGTH.unpack(self._read(_LENGTH.size, deadline))
        if size > MOST:
            raise Gone(f"a message of {size} bytes")
        try:
            message = json.loads(bytes(self._read(size, deadline)))
        except (ValueError, RecursionError) as error:
            raise Gone("a message that is no JSON") from error
        if not isinstance(message, dict):
            raise Gone("a message that is no table")
        return message

    def close(self) -> None:
        """Close both descriptors; safe to repeat."""
        for descriptor in (self._in, self._out):
            if descriptor >= 0:
                os.close(descriptor)
        self._in = self._out = -1

    def _read(self, size: int, deadline: float | None) -> bytearray:
        data = bytearray()
        while len(data) < size:
            if deadline is not None:
                left = deadline - time.monotonic()
                if left <= 0 or not select.select([self._in], [], [], left)[0]:
                    raise TooLate
            part = os.read(self._in, min(_CHUNK, size - len(data)))
            if not part:
                raise Gone("end of file")
            data += part
        return data


class Fault(Exception):
    """What is wrong with the task, told by the far side: `message`, and what to do about it in `hint`."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint
