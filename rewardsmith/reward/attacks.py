"""Real attacks, each bounded, on canaries that were put out for them.

Standard library only: a locked process is given the text of this file.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Callable

READ, WRITE, CONNECT, FORK, SPY = (
    "read a file",
    "write a file",
    "connect to a port",
    "fork",
    "read another process's keys",
)
DONE = "done"
"""How the outcome of an attack begins that succeeded; the booty follows a colon."""
_BOOTY = 40


def attempt(file: str, port: int, variable: str, *, forks: bool) -> dict[str, str]:
    """Try each attack.

    Args:
        file: Path of the canary; one is written beside it, too.
        port: Port on the loopback.
        variable: Environment variable to look for in every process.
        forks: Whether to fork as well.

    Returns:
        By attack: `done`, `done: booty`, or the name of the error that stopped it.
    """
    attacks: dict[str, Callable[[], str]] = {
        READ: lambda: _read(file),
        WRITE: lambda: _write(file + ".written"),
        CONNECT: lambda: _connect(port),
        SPY: lambda: _spy(variable.encode()),
    }
    if forks:
        attacks[FORK] = _fork
    return {name: _outcome(attack) for name, attack in attacks.items()}


def _outcome(attack: Callable[[], str]) -> str:
    try:
        booty = attack()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, type(error).__name__)
    except Exception as error:
        return type(error).__name__
    return f"{DONE}: {booty}" if booty else DONE


def _read(path: str) -> str:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, _BOOTY).decode(errors="replace")
    finally:
        os.close(descriptor)


def _write(path: str) -> str:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    return ""


def _connect(port: int) -> str:
    """By the C library, since `socket` is a module of its own that no locked process could load."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.socket(2, 1, 0)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "socket")
    try:
        if libc.connect(descriptor, struct.pack("=HH4s8x", 2, _network_order(port), b"\x7f\0\0\1"), 16) != 0:
            raise OSError(ctypes.get_errno(), "connect")
    finally:
        os.close(descriptor)
    return ""


def _network_order(port: int) -> int:
    return int(struct.unpack("=H", struct.pack(">H", port))[0])


def _fork() -> str:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return ""


def _spy(variable: bytes) -> str:
    """Look through the environment of every process that can be seen."""
    last: OSError = FileNotFoundError(errno.ENOENT, "no such process")
    for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib would have to be loaded
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:  # noqa: PTH123
                environment = file.read().split(b"\0")
        except OSError as error:
            last = error
            continue
        for entry in environment:
            key, _, value = entry.partition(b"=")
            if key == variable:
                return value[:_BOOTY].decode(errors="replace")
    raise last
