"""What is called inside a reward process: a reward, or a score rule. Standard library and numpy only.

Everything here runs in the same interpreter as the candidate: the host believes nothing that it says without
checking it (`rewardsmith.reward.process`).
"""

from __future__ import annotations

import json
import math
import struct
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from rewardsmith.reward.frames import COLUMNS, LONGEST_NAME, MOST_COMPONENTS, SCORED, Pipes, padded

ROWS = 16_384
"""Most rows of one call."""
RESERVED = {"total", "score", "task_score", "episode_length"}
"""What stands beside components in tables and prompts: none may pass for it."""


class Fault(Exception):
    """The source did something that the contract does not allow; `told` is what the host is told."""

    def __init__(self, code: str, **told: object) -> None:
        super().__init__(code)
        self.told = {"code": code, **told}


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

    def answer(self, number: int, stream_id: int, steps: int, width: int, body: memoryview, pipes: Pipes) -> None:
        """Answer one request for T x N = `steps` x `width` rows; raises Fault, or what the function raised."""
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
        pipes.send(COLUMNS, number, len(out), rows, names, out)

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
        if "_".join(name.casefold().replace("_", " ").split()) in RESERVED:
            raise Fault("component_reserved", name=name)


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

    def answer(self, number: int, flags: int, steps: int, body: memoryview, pipes: Pipes) -> None:
        """Answer for one episode of `steps` steps; `flags` is 1 if it terminated."""
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
        pipes.send(SCORED, number, 0, 0, struct.pack("<dd", float(score), verdict))


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
