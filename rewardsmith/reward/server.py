"""Runs one reward, locked, and nothing else. Started by its path; standard library and numpy only.

It reads a specification on descriptor 0, loads numpy, locks itself, says so, compiles the candidate, says so, and
then answers one request after another on descriptor 1 until 0 is closed. Everything here runs in the same
interpreter as the candidate: the host believes nothing that it says without checking it (`rewardsmith.reward.process`).

Frames, little endian, bodies padded to 8 bytes per part:
    request  magic, stream, flags, number, T, N, bytes | starts (T x N) | one array per signal, in the spec's order
    answer   magic, status, columns, number, rows, bytes | body by status
"""

from __future__ import annotations

import builtins
import importlib.util
import io
import json
import math
import os
import struct
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.fft

if TYPE_CHECKING:
    import numpy.typing as npt

REQUEST = struct.Struct("<4sHHIIIQ")
ANSWER = struct.Struct("<4sHHIIQ")
ASKED, ANSWERED = b"RWRQ", b"RWAN"
COLUMNS, SCORED, FAULT, LOCKED, UNLOCKED, READY = range(6)
"""Statuses of an answer: arrays, a score, a fault of the source, and the three steps of starting."""

ROWS = 16_384
MOST_COMPONENTS = 64
LONGEST_NAME = 80
MOST_SPEC = 1 << 20
FILE = "<reward>"


class Fault(Exception):
    """The source did something that the contract does not allow; `told` is what the host is told."""

    def __init__(self, code: str, **told: object) -> None:
        super().__init__(code)
        self.told = {"code": code, **told}


class HostGone(Exception):
    """Descriptor 0 was closed: nobody asks any more."""


class Silence(io.TextIOBase):
    """Takes what a candidate prints and drops it."""

    def write(self, text: str, /) -> int:
        return len(text)


class Channel:
    """Frames on descriptors 0 and 1."""

    def __init__(self) -> None:
        self._in = io.FileIO(0, closefd=False)
        self._out = io.FileIO(1, "w", closefd=False)

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

    def send(self, status: int, number: int, columns: int, rows: int, *parts: Any) -> None:
        """One answer; each part is any contiguous buffer."""
        views = [memoryview(part).cast("B") for part in parts if memoryview(part).nbytes]
        header = ANSWER.pack(ANSWERED, status, columns, number, rows, sum(view.nbytes for view in views))
        for view in (memoryview(header), *views):
            sent = 0
            while sent < view.nbytes:
                sent += self._out.write(view[sent:]) or 0

    def say(self, status: int, number: int, told: dict[str, object]) -> None:
        """One answer whose body is JSON."""
        self.send(status, number, 0, 0, padded(json.dumps(told).encode()))


def padded(data: bytes) -> bytes:
    """`data` as a part: its length (8 bytes), itself, zeros up to a multiple of 8."""
    return struct.pack("<Q", len(data)) + data + bytes(-len(data) % 8)


class Stream:
    """What carries on from one request to the next: the last row of every signal, and memory."""

    def __init__(self, width: int, memory: dict[str, float]) -> None:
        self.width = width
        self.last: dict[str, Any] = {}
        self.memory = {name: np.full(width, value) for name, value in memory.items()}


class Reward:
    """A reward in the contract: rows in, total and components out."""

    def __init__(self, spec: dict[str, Any], function: Callable[..., object]) -> None:
        self.function = function
        self.signals: list[tuple[str, tuple[int, ...], str]] = [
            (name, tuple(shape), dtype) for name, shape, dtype in spec["signals"]
        ]
        self.arguments: list[tuple[str, str]] = [(kind, name) for kind, name in spec["arguments"]]
        self.initial: dict[str, float] = spec["memory"]
        self.names: list[str] | None = None
        self.streams: dict[int, Stream] = {}

    def answer(self, number: int, stream_id: int, steps: int, width: int, body: memoryview, channel: Channel) -> None:
        starts, arrays = unpack(self.signals, steps, width, body)
        stream = self.streams.get(stream_id)
        if stream is None or stream.width != width:
            stream = self.streams[stream_id] = Stream(width, self.initial)
            starts = starts.copy()
            starts[0] = True
        values = [self._argument(kind, name, arrays, starts, stream) for kind, name in self.arguments]
        rows = steps * width
        out = None
        for low, high, result in self._calls(values, starts, stream):
            columns = self._columns(result, high - low)
            if out is None:
                out = np.empty((len(columns), rows))
            for column, value in zip(out, columns, strict=True):
                column[low:high] = value
        assert out is not None
        assert self.names is not None
        for _, name in (argument for argument in self.arguments if argument[0] == "prev"):
            stream.last[name] = arrays[name][-1].copy()
        names = padded(json.dumps(self.names).encode())
        channel.send(COLUMNS, number, len(out), rows, names, out)

    def _argument(self, kind: str, name: str, arrays: Any, starts: Any, stream: Stream) -> Any:
        """The (T, N, ...) array of one argument; None for memory."""
        if kind == "memory":
            return None
        now = arrays[name]
        if kind == "now":
            return now
        before = np.empty_like(now)
        before[1:] = now[:-1]
        before[0] = stream.last.get(name, now[0])
        np.copyto(before, now, where=starts.reshape(starts.shape + (1,) * (now.ndim - 2)))
        before.flags.writeable = False
        return before

    def _calls(self, values: list[Any], starts: Any, stream: Stream) -> Iterator[tuple[int, int, object]]:
        """Call the function on blocks of at most 16,384 rows; gives first row, row after the last, result."""
        steps, width = starts.shape
        if not self.initial:
            flat = [value.reshape((steps * width, *value.shape[2:])) for value in values]
            for low in range(0, steps * width, ROWS):
                high = min(low + ROWS, steps * width)
                yield low, high, self.function(*[value[low:high] for value in flat])
            return
        for step in range(steps):
            if starts[step].any():
                for name, value in self.initial.items():
                    stream.memory[name][starts[step]] = value
            for low in range(0, width, ROWS):
                high = min(low + ROWS, width)
                memory = {name: rows[low:high].copy() for name, rows in stream.memory.items()}
                row = [memory if value is None else value[step, low:high] for value in values]
                yield step * width + low, step * width + high, self.function(*row)
                self._remember(memory, stream, low, high)

    def _remember(self, memory: dict[str, Any], stream: Stream, low: int, high: int) -> None:
        """Keep what the function left in `memory`."""
        if memory.keys() != stream.memory.keys():
            raise Fault("memory_keys")
        for name, value in memory.items():
            if not isinstance(value, np.ndarray) or value.shape != (high - low,) or value.dtype.kind not in "fbiu":
                shape = list(value.shape)[:8] if isinstance(value, np.ndarray) else []
                raise Fault("memory_shape", name=name, shape=shape, rows=high - low)
            stream.memory[name][low:high] = value

    def _columns(self, result: object, rows: int) -> list[Any]:
        """Total and components, in the order of the first answer."""
        if type(result) is not tuple or len(result) != 2:
            raise Fault("not_a_pair")
        total, components = result
        if type(components) is not dict:
            raise Fault("not_a_dict")
        if self.names is None:
            check_names(components)
            self.names = list(components)
        if len(components) != len(self.names) or any(name not in components for name in self.names):
            raise Fault("names_change")
        columns = [check_column(total, None, rows)]
        columns.extend(check_column(components[name], name, rows) for name in self.names)
        return columns


def check_names(components: dict[object, object]) -> None:
    """Raise Fault unless the components have names that can stand in a table."""
    if len(components) > MOST_COMPONENTS:
        raise Fault("too_many_components", count=len(components))
    for name in components:
        if type(name) is not str or not name.isprintable() or not name.strip() or len(name) > LONGEST_NAME:
            raise Fault("component_name")
        if name == "total":
            raise Fault("component_total")


def check_column(value: object, name: str | None, rows: int) -> npt.NDArray[Any]:
    """The array that `value` is; raises Fault where it is none of (rows,) numbers."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "fbiu":
            raise Fault("dtype", name=name)
        if value.shape != (rows,):
            raise Fault("shape", name=name, shape=list(value.shape)[:8], rows=rows)
        return value
    if isinstance(value, (int, float, np.generic)):
        raise Fault("shape", name=name, shape=[], rows=rows)
    raise Fault("not_an_array", name=name)


class Score:
    """A score rule: one episode in, one number and an optional verdict out."""

    def __init__(self, spec: dict[str, Any], module: dict[str, Any]) -> None:
        self.signals: list[tuple[str, tuple[int, ...], str]] = [
            (name, tuple(shape), dtype) for name, shape, dtype in spec["signals"]
        ]
        self.rules = [(find(module, name), arguments) for name, arguments in spec["rules"].items()]
        self.constants: dict[str, object] = {"dt": spec["dt"], "horizon": spec["horizon"]}

    def answer(self, number: int, flags: int, steps: int, body: memoryview, channel: Channel) -> None:
        _, arrays = unpack(self.signals, steps, 1, body)
        known = {**self.constants, "terminated": bool(flags)}
        values = {name: array[:, 0] for name, array in arrays.items()}
        results = [function(*[known.get(a, values.get(a)) for a in arguments]) for function, arguments in self.rules]
        score = results[0]
        if isinstance(score, np.ndarray) and score.shape == ():
            score = score[()]
        if isinstance(score, (bool, np.bool_)) or not isinstance(score, (int, float, np.integer, np.floating)):
            raise Fault("score_type", type=type(score).__name__[:LONGEST_NAME])
        if not math.isfinite(score):
            raise Fault("score_value", value=repr(float(score)))
        verdict = -1.0
        if len(results) > 1:
            if not isinstance(results[1], (bool, np.bool_)):
                raise Fault("success_type", type=type(results[1]).__name__[:LONGEST_NAME])
            verdict = float(results[1])
        channel.send(SCORED, number, 0, 0, struct.pack("<dd", float(score), verdict))


def unpack(
    signals: list[tuple[str, tuple[int, ...], str]], steps: int, width: int, body: memoryview
) -> tuple[npt.NDArray[np.bool_], dict[str, npt.NDArray[Any]]]:
    """Read-only views of a request's body: starts (T, N), and by signal (T, N, ...)."""
    at = 0

    def take(shape: tuple[int, ...], dtype: str) -> npt.NDArray[Any]:
        nonlocal at
        kind = np.dtype(dtype)
        count = math.prod(shape)
        array = np.frombuffer(body, kind, count, at).reshape(shape)
        at += count * kind.itemsize
        at += -at % 8
        return array

    starts = take((steps, width), "bool")
    return starts, {name: take((steps, width, *shape), dtype) for name, shape, dtype in signals}


def find(module: dict[str, Any], name: str) -> Callable[..., object]:
    """The function `name` of the candidate's module."""
    function = module.get(name)
    if not isinstance(function, types.FunctionType):
        raise Fault("no_function")
    return function


def fault_of(error: BaseException, *, with_text: bool) -> dict[str, object]:
    """What the host is told about an exception: its type, and the last line of the candidate's own that it passed."""
    if isinstance(error, Fault):
        return error.told
    line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == FILE:
            line = trace.tb_lineno
        trace = trace.tb_next
    told: dict[str, object] = {"code": "exception", "type": type(error).__name__[:LONGEST_NAME], "line": line}
    if isinstance(error, ValueError) and "read-only" in str(error):
        told["code"] = "read_only"
    if isinstance(error, MemoryError):
        told["code"] = "memory"
    if with_text:
        told["text"] = str(error)[:300]
    return told


def warm_up() -> None:
    """Use once what loads or compiles on first use: after the lock no file opens."""
    square = np.eye(3)
    _ = square @ square, np.linalg.norm(square), np.linalg.solve(square, square), np.fft.rfft(square), np.exp(square)
    _ = np.einsum("ij,ij->i", square, square), np.percentile(square, 50), np.sort(square), f"{square[0, 0]:.3f}"
    compile("def f(x):\n    return f'{x!r}'", FILE, "exec")
    np.seterr(all="ignore")


def load_lockdown() -> Any:
    """The module `isolation/lockdown.py`, by its path."""
    path = Path(__file__).resolve().parent.parent / "isolation" / "lockdown.py"
    spec = importlib.util.spec_from_file_location("lockdown", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compile_candidate(spec: dict[str, Any]) -> Reward | Score:
    """Run the module body, freeze its arrays, and find what will be called."""
    code = compile(spec["source"], FILE, "exec", dont_inherit=True)
    module: dict[str, Any] = {"__name__": "reward", "__builtins__": builtins}
    exec(code, module)  # noqa: S102
    for value in module.values():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    if spec["mode"] == "score":
        return Score(spec, module)
    return Reward(spec, find(module, spec["function"]))


def main() -> None:
    """Start, lock, load, answer."""
    channel = Channel()
    (size,) = struct.unpack("<Q", channel.receive(8))
    if size > MOST_SPEC:
        raise SystemExit("specification too large")
    spec = json.loads(bytes(channel.receive(size)))
    warm_up()
    lockdown = load_lockdown()
    try:
        abi = lockdown.lock(spec["memory_mib"])
    except lockdown.LockdownError as error:
        if not spec["unsafe"]:
            channel.say(UNLOCKED, 0, {"reason": str(error)})
            return
        abi = 0
    channel.say(LOCKED, 0, {"landlock": abi})
    sys.stdin, sys.stdout, sys.stderr = None, Silence(), Silence()
    number = 0
    try:
        server = compile_candidate(spec)
        channel.say(READY, 0, {})
        while True:
            _, stream, flags, number, steps, width, size = REQUEST.unpack(channel.receive(REQUEST.size))
            body = channel.receive(size)
            if isinstance(server, Reward):
                server.answer(number, stream, steps, width, body, channel)
            else:
                server.answer(number, flags, steps, body, channel)
    except HostGone:
        return
    except BaseException as error:
        channel.say(FAULT, number, fault_of(error, with_text=spec["mode"] == "score"))


if __name__ == "__main__":
    main()
    os._exit(0)
