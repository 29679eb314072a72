"""Where attacks are let loose: canaries all around, and what became of each attack.

The same arena stands on the host and inside every worker sandbox, which knows no tests: so this file needs no other
file of theirs, and of rewardsmith only what a worker has.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import selectors
import shutil
import signal
import socket
import stat
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from rewardsmith.domain.job import RewardLimits
from rewardsmith.domain.survey import Signal
from rewardsmith.errors import RewardProcessError
from rewardsmith.reward import process as room
from rewardsmith.reward.source import Analysis

SHAPES: dict[str, tuple[tuple[int, ...], Any]] = {"observation": ((4,), "float64"), "action": ((), "int64")}
SIGNALS = {
    name: Signal(name=name, shape=shape, dtype=dtype, meaning="m", reader=name)
    for name, (shape, dtype) in SHAPES.items()
}
KEY_NAME = "OPENAI_API_KEY"
REQUESTS = 4
SIDE_BY_SIDE = 4
LIMITS = RewardLimits(seconds=20.0, start_seconds=20.0, memory_mib=384)
HURRY = RewardLimits(seconds=0.5, start_seconds=0.5, memory_mib=384)
"""For attacks that are expected to run into the wall clock."""
Judge = Callable[[str, RewardLimits], tuple[str, str]]
"""What becomes of a source: the outcome in a few words, and everything that was said about it."""


class Canaries:
    """Everything that an attack may try to reach, with an alarm on each. Use it as a context manager.

    Args:
        folder: Where the files are put.
        names: Of the attacks; each finds a sibling's result of its own.
    """

    def __init__(self, folder: Path, names: Iterable[str]) -> None:
        self.secret = "canary-" + secrets.token_hex(16)
        self.folder = folder / "canaries"
        self.contacts: list[str] = []
        for name in ("sibling", "site", "out"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "key").write_text(self.secret)
        for name in names:
            (self.folder / "sibling" / f"{name}.json").write_text('{"score": 0.88}')
        self._short = Path(tempfile.mkdtemp(prefix="rw"))  # a unix socket's path has at most 107 bytes
        self._abstract = "rewardsmith-" + secrets.token_hex(8)
        self._key_before = os.environ.get(KEY_NAME)
        self._stop, self._wake = os.pipe()

    def __enter__(self) -> Canaries:
        os.environ[KEY_NAME] = self.secret
        self._listeners: dict[str, socket.socket] = {}
        for name, family, kind, address in (
            ("TCP", socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            ("UDP", socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            ("UNIX", socket.AF_UNIX, socket.SOCK_STREAM, str(self._short / "s")),
            ("ABSTRACT", socket.AF_UNIX, socket.SOCK_STREAM, "\0" + self._abstract),
        ):
            with contextlib.suppress(OSError):  # a worker's sandbox may know no such sockets
                listener = self._listeners[name] = socket.socket(family, kind)
                listener.bind(address)
                if kind == socket.SOCK_STREAM:
                    listener.listen()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()
        self._own = set(descendants(os.getpid()))
        adopt_orphans(True)
        self._before = self._files()
        return self

    def __exit__(self, *_: object) -> None:
        os.write(self._wake, b"x")
        self._thread.join()
        for listener in self._listeners.values():
            listener.close()
        for descriptor in (self._stop, self._wake):
            os.close(descriptor)
        adopt_orphans(False)
        shutil.rmtree(self._short)
        if self._key_before is None:
            os.environ.pop(KEY_NAME, None)
        else:
            os.environ[KEY_NAME] = self._key_before

    def constants(self, name: str) -> str:
        """Python that tells the attack `name` where everything is."""
        ports = {name: self._listeners[name].getsockname()[1] for name in ("TCP", "UDP") if name in self._listeners}
        known = {
            "NAME": name,
            "KEY_FILE": str(self.folder / "key"),
            "KEY_NAME": KEY_NAME,
            "FOLDER": str(self.folder),
            "SIBLING": str(self.folder / "sibling" / f"{name}.json"),
            "SITE": str(self.folder / "site"),
            "OUT": str(self.folder / "out"),
            "TCP": ports.get("TCP", 9),
            "UDP": ports.get("UDP", 9),
            "UNIX": str(self._short / "s"),
            "ABSTRACT": self._abstract,
            "PARENT": os.getpid(),
        }
        return "".join(f"{key} = {value!r}\n" for key, value in known.items())

    def alarms(self) -> list[str]:
        """What has been touched: listeners, files, and processes that are left; those are ended."""
        found = [f"contact: {text}" for text in self.contacts]
        after = self._files()
        found += [
            f"file: {path}" for path in sorted({*self._before, *after}) if self._before.get(path) != after.get(path)
        ]
        shared = Path("/dev/shm", self._abstract)
        if shared.exists():
            found.append("file: shared memory")
            shared.unlink()
        left = [pid for pid in descendants(os.getpid()) if pid not in self._own]
        found += [f"survivor: process {pid}" for pid in left]
        for pid in left:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        return found

    def _files(self) -> dict[str, tuple[object, ...]]:
        """Every path with what tells a change: type, mode, links, content."""
        found = {}
        for path in (self.folder, *self.folder.rglob("*")):
            seen = path.lstat()
            content = path.read_bytes() if stat.S_ISREG(seen.st_mode) and seen.st_size < 4096 else seen.st_size
            links = 0 if stat.S_ISDIR(seen.st_mode) else seen.st_nlink
            size = None if stat.S_ISDIR(seen.st_mode) else content
            found[str(path.relative_to(self.folder))] = (stat.filemode(seen.st_mode), links, size)
        return found

    def _listen(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._stop, selectors.EVENT_READ)
            for listener in self._listeners.values():
                selector.register(listener, selectors.EVENT_READ, listener)
            while True:
                for key, _ in selector.select():
                    if key.data is None:
                        return
                    self.contacts.append(_heard(key.data))


def adopt_orphans(wanted: bool) -> None:
    """Whether descendants whose own parent ends become this process's children: so none is lost from sight."""
    assert ctypes.CDLL(None).prctl(36, int(wanted), 0, 0, 0) == 0  # PR_SET_CHILD_SUBREAPER


def descendants(pid: int) -> list[int]:
    """Processes below `pid`, zombies left out. (The image of the workers has no `rewardsmith.sandboxes.tree`.)"""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            found += [int(child) for child in (task / "children").read_text().split()]
    for child in found.copy():
        with contextlib.suppress(OSError):
            found += descendants(child)
            if Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] in "ZX":
                found.remove(child)
    return found


def _heard(listener: socket.socket) -> str:
    """Who called, and the first that they said."""
    if listener.type == socket.SOCK_DGRAM:
        return f"datagram: {listener.recv(200)!r}"
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(0.2)
        with contextlib.suppress(OSError):
            return f"connection: {connection.recv(200)!r}"
    return "connection"


def ungated(source: str, signals: Mapping[str, Signal], *, function: str = "compute_reward") -> Analysis:
    """What the static gates would say of a source if they let everything through."""
    return Analysis(source, "0" * 12, tuple(SIGNALS), tuple(SIGNALS), {}, takes_memory=False, memory={})


def requests() -> Iterator[tuple[dict[str, Any], Any]]:
    """The same few requests for everybody: arrays of (T, N) = (8, 2), and where episodes start."""
    rng = np.random.default_rng(0)
    for number in range(REQUESTS):
        starts = np.zeros((8, 2), dtype=bool)
        starts[0] = number == 0
        yield {"observation": rng.normal(size=(8, 2, 4)), "action": rng.integers(0, 2, size=(8, 2))}, starts


def answers(source: str, limits: RewardLimits, namespaces: bool) -> list[room.Answer]:
    """What a reward process answers to every request; it is dead on return."""
    with room.RewardProcess(source, SIGNALS, limits=limits, namespaces=namespaces) as process:
        return [process.ask(arrays, starts) for arrays, starts in requests()]


class Locked:
    """Judges sources by running each in a locked process, which no gate has seen."""

    def __init__(self, honest: str, *, namespaces: bool) -> None:
        self._namespaces = namespaces
        self._honest = answers(honest, LIMITS, namespaces)

    def __call__(self, source: str, limits: RewardLimits) -> tuple[str, str]:
        """`contained` where it was paid what the honest reward is paid, to the last bit."""
        try:
            paid = answers(source, limits, self._namespaces)
        except room.RewardFailed as failed:
            return f"failed: {failed.failure.kind}", failed.failure.message
        except RewardProcessError as error:
            return "refused", f"{error.message} {error.hint}"
        words = " ".join(name for answer in paid for name in answer.components)
        if "reached" in paid[-1].components:
            return "reached", words
        return ("contained" if all(map(_same, paid, self._honest)) else "paid"), words


def _same(a: room.Answer, b: room.Answer) -> bool:
    return (
        a.total.tobytes() == b.total.tobytes()
        and list(a.components) == list(b.components)
        and all(a.components[name].tobytes() == b.components[name].tobytes() for name in a.components)
    )


def let_loose(attacks: Sequence[Mapping[str, str]], judge: Judge, folder: Path) -> dict[str, str]:
    """Run every attack, some side by side.

    Args:
        attacks: Name, source and expected outcome of each.
        judge: What it is run in.
        folder: Where the canaries are put.

    Returns:
        What became of each by name, and under `alarms` what the canaries saw.
    """
    found: dict[str, str] = {}
    with mock.patch.object(room, "analyse", ungated), Canaries(folder, [a["name"] for a in attacks]) as canaries:

        def run(attack: Mapping[str, str]) -> None:
            limits = HURRY if attack["expected"] in ("failed: timeout", "refused") else LIMITS
            outcome, said = judge(canaries.constants(attack["name"]) + attack["source"], limits)
            leaked = canaries.secret in said or (outcome.startswith("failed") and "IGNORE" in said)
            rough = outcome.startswith("failed") and not (len(said) <= 300 and said.isprintable())
            marks = {"leaked": leaked, "unprintable": rough, "flooded": len(said) > 1 << 20}
            found[attack["name"]] = ", ".join([outcome, *(mark for mark, seen in marks.items() if seen)])

        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            list(pool.map(run, attacks))
        found["alarms"] = "; ".join(canaries.alarms())
    return found
