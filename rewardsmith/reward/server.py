"""Runs one reward, locked, and nothing else. Started by `start.py`; standard library and numpy only.

It reads a specification on descriptor 0, loads numpy, locks itself, says so, compiles the candidate, says so, and
then answers one request after another, on what was its descriptor 1, until 0 is closed.
"""

from __future__ import annotations

import builtins
import gc
import io
import mmap
import os
import sys
from typing import Any

import numpy as np
import numpy.fft

from rewardsmith.isolation import lockdown
from rewardsmith.reward.callee import Fault, Reward, Score, find
from rewardsmith.reward.frames import (
    FAULT,
    LOCKED,
    LONGEST_NAME,
    READY,
    REQUEST,
    UNLOCKED,
    HostGone,
    Pipes,
)

FILE = "<reward>"
MASKED = ("median", "percentile", "quantile", "unique", "1d", "in1d", "isin")
"""Functions of numpy that load `numpy.ma` on first use (numpy 2.4): 10 ms that others need not wait for."""


class Silence(io.TextIOBase):
    """Takes what a candidate prints and drops it."""

    def write(self, text: str, /) -> int:
        """Drop `text`."""
        return len(text)


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


def warm_up(source: str) -> None:
    """Use once what loads or compiles on first use: after the lock no file opens."""
    square = np.eye(3)
    _ = square @ square, np.linalg.norm(square), np.linalg.solve(square, square), np.fft.rfft(square), np.exp(square)
    _ = np.einsum("ij,ij->i", square, square), np.sort(square), f"{square[0, 0]:.3f}"
    compile("def f(x):\n    return f'{x!r}'", FILE, "exec")
    if any(name in source for name in MASKED):
        np.percentile(square, 50)
    np.seterr(all="ignore")


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


def map_rooms(requests: int = -1, answers: int = -1) -> tuple[mmap.mmap, mmap.mmap] | None:
    """Map the shared memory behind two descriptors, the first for reading only; None where there is none."""
    if requests < 0:
        return None
    return (
        mmap.mmap(requests, 0, mmap.MAP_SHARED, mmap.PROT_READ),
        mmap.mmap(answers, 0, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE),
    )


def main() -> None:
    """Start, lock, load, answer."""
    rooms = map_rooms(*map(int, sys.argv[2:]))  # before descriptors move
    os.dup2(1, lockdown.ANSWERS)
    os.dup2(2, 1)  # LAPACK prints its complaints there
    os.closerange(lockdown.ANSWERS + 1, os.sysconf("SC_OPEN_MAX"))
    pipes = Pipes(0, lockdown.ANSWERS, rooms)
    spec = pipes.receive_spec()
    warm_up(spec["source"])
    try:
        abi = lockdown.lock(spec["memory_mib"] + sum(map(len, rooms or ())) // 2**20)
    except lockdown.LockdownError as error:
        if not spec["unsafe"]:
            pipes.say(UNLOCKED, 0, {"reason": str(error)})
            return
        abi = 0
    gc.freeze()
    gc.enable()
    pipes.say(LOCKED, 0, {"landlock": abi})
    sys.stdin, sys.stdout, sys.stderr = None, Silence(), Silence()
    number = 0
    try:
        server = compile_candidate(spec)
        pipes.say(READY, 0, {})
        while True:
            magic, stream, flags, number, steps, width, size = REQUEST.unpack(pipes.receive(REQUEST.size))
            body = pipes.receive_body(magic, size)
            if isinstance(server, Reward):
                server.answer(number, stream, steps, width, body, pipes)
            else:
                server.answer(number, flags, steps, body, pipes)
    except HostGone:
        return
    except BaseException as error:
        pipes.say(FAULT, number, fault_of(error, with_text=spec["mode"] == "score"))
