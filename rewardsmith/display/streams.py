"""Streams whose reader may leave: what is shown then falls silent, and the work goes on."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO, cast


def steady_streams() -> None:
    """Make standard error fall silent where it cannot be written, and have both streams where they were closed."""
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115
    sys.stderr = cast("TextIO", Commentary(sys.stderr))


def silence(stream: TextIO) -> None:
    """Send what is left in `stream`, and all that follows, nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    finally:
        os.close(nowhere)


class Commentary:
    """A stream for what nobody needs to read: it falls silent at the first error, such as a pipe whose reader left."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._silent = False

    def write(self, text: str, /) -> int:
        """Write `text`, or drop it."""
        self._do(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Flush, or do nothing."""
        self._do(self._stream.flush)

    def _do(self, work: Callable[[], object]) -> None:
        if self._silent:
            return
        try:
            work()
        except OSError:
            self._silent = True
            silence(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
