"""The host's view of a reward, and of a score rule, in a locked process of its own."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from rewardsmith.domain.job import RewardLimits
from rewardsmith.domain.survey import Signal
from rewardsmith.errors import RewardProcessError
from rewardsmith.reward import callee, channel, frames
from rewardsmith.reward.locked import Locked
from rewardsmith.reward.rejection import RewardFailed, RewardRejected, died, failed, fault, timed_out
from rewardsmith.reward.score import ScoreAnswer, ScoreProcess
from rewardsmith.reward.source import Analysis, analyse, set_parameters

__all__ = ["Answer", "RewardFailed", "RewardProcess", "RewardRejected", "ScoreAnswer", "ScoreProcess"]

BOUND = 1e6
"""Largest magnitude of a total or a component."""


@dataclass(frozen=True)
class Answer:
    """What a reward gave: arrays of shape (T, N), or (rows,), and type float64, finite and at most 1e6 in magnitude."""

    total: npt.NDArray[np.float64]
    """What is paid."""
    components: dict[str, npt.NDArray[np.float64]]
    """Its named terms, in the order of the first answer."""


class RewardProcess(Locked):
    """One candidate, running alone and locked (see `rewardsmith.isolation.lockdown`), asked for rewards in batches.

    It dies with the thread that started it, and is dead after any failure. Use it as a context manager, or `close` it.
    """

    def __init__(
        self,
        source: str,
        signals: Mapping[str, Signal],
        *,
        limits: RewardLimits | None = None,
        function: str = "compute_reward",
        namespaces: bool | None = None,
        parameters: Mapping[str, float] | None = None,
    ) -> None:
        """Analyse the source, start the process, lock it, run the module body.

        Args:
            source: A module in the reward contract.
            signals: By name, every signal that it may read; `prev_` forms are made by the process.
            limits: Wall clock and memory, and whether to go on where Landlock or seccomp are missing.
            function: Function that is called.
            namespaces: None for bubblewrap where this machine has it, True to insist, False inside a worker's sandbox.
            parameters: Values in place of the defaults in the source.

        Raises:
            RewardRejected: The source is against contract or policy.
            RewardFailed: The module body failed.
            IsolationUnavailable: This machine cannot lock a process.
            RewardProcessError: The process did not come up, or was killed from outside.
        """
        self.source = set_parameters(source, parameters, function=function) if parameters else source
        self.analysis: Analysis = analyse(self.source, signals, function=function)
        self._limits = limits or RewardLimits()
        self._function = function
        self._components: list[str] | None = None
        self._streams: dict[str, tuple[int, int]] = {}
        arguments = [_argument(name, signals) for name in self.analysis.arguments]
        self.reads: tuple[str, ...] = tuple(dict.fromkeys(name for kind, name in arguments if kind != "memory"))
        self._signals = [signals[name] for name in self.reads]
        spec = {
            "mode": "reward",
            "source": self.source,
            "function": function,
            "signals": [[s.name, list(s.shape), s.dtype] for s in self._signals],
            "arguments": arguments,
            "memory": self.analysis.memory,
        }
        self._channel = channel.Channel(spec, self._limits, namespaces)
        try:
            ready = self._channel.wait_ready()
        except (channel.Ended, channel.Late, channel.Garbled) as error:
            _raise_for(error, self._limits.start_seconds)
        if ready.status != frames.READY:
            self._fail(ready)

    def ask(
        self, arrays: Mapping[str, npt.NDArray[Any]], starts: npt.NDArray[np.bool_], *, stream: str = "train"
    ) -> Answer:
        """Rewards of T steps of N environments, in one request.

        Args:
            arrays: By base name, every signal of `reads`: shape (T, N, ...), as it is after the step.
            starts: Shape (T, N); true on the first step of an episode: there `prev_` equals the current value and
                memory is as declared.
            stream: `prev_` and memory carry on from one request to the next of the same stream. The first request of a
                stream, and one whose N differs, begin anew.

        Raises:
            RewardFailed: The reward raised, hung, died, or answered against the contract. The process is dead.
            RewardProcessError: The process was killed from outside, or is closed.
            ValueError: The request itself is wrong: a signal is missing or has another shape.
        """
        if self._channel.closed:
            raise RewardProcessError("this reward process is closed")
        if starts.ndim != 2 or not starts.size:
            raise ValueError(f"starts must have shape (T, N) with at least one row, not {starts.shape}")
        steps, width = starts.shape
        parts: list[npt.NDArray[Any]] = [np.ascontiguousarray(starts, dtype=np.bool_)]
        for signal in self._signals:
            parts.append(channel.column(arrays, signal, (steps, width)))
        if stream not in self._streams and len(self._streams) == 1 << 16:
            raise ValueError("more than 65536 streams")
        number = self._streams.setdefault(stream, (len(self._streams), width))[0]
        rows = steps * width
        most = 8 * rows * (frames.MOST_COMPONENTS + 1) + (1 << 16)
        try:
            answered = self._channel.ask(number, 0, steps, width, parts, most)
        except (channel.Ended, channel.Late, channel.Garbled) as error:
            _raise_for(error, self._limits.seconds)
        if answered.status != frames.COLUMNS:
            self._fail(answered)
        names, columns = self._read(answered, rows)
        self._check(names, columns)
        shaped = columns.reshape(len(columns), steps, width)
        return Answer(shaped[0], {name: shaped[1 + names.index(name)] for name in self._components or names})

    def _read(self, answered: channel.Answered, rows: int) -> tuple[list[str], npt.NDArray[np.float64]]:
        """Names and the array (1 + components, rows) of an answer, or the end of the process."""
        try:
            (size,) = struct.unpack_from("<Q", answered.body)
            names: Any = json.loads(bytes(answered.body[8 : 8 + size])) if size <= frames.MOST_TOLD else None
            at = 8 + size + -size % 8
            count = answered.columns * rows
            sound = (
                answered.rows == rows
                and isinstance(names, list)
                and all(isinstance(name, str) for name in names)
                and len(set(names)) == len(names) == answered.columns - 1
                and len(answered.body) == at + 8 * count
            )
            if sound:
                callee.check_names(dict.fromkeys(names))
                columns = np.frombuffer(answered.body, np.float64, count, at)
                return names, columns.reshape(answered.columns, rows)
        except (ValueError, struct.error, RecursionError, OverflowError, callee.Fault):
            pass
        self.close()
        raise failed("protocol", "the reward process sent an answer that is no answer")

    def _check(self, names: list[str], columns: npt.NDArray[np.float64]) -> None:
        """Fail on new names, and on values that are not finite or above the bound."""
        if self._components is None:
            self._components = names
        elif set(names) != set(self._components):
            self.close()
            raise fault({"code": "names_change"}, name=self._function)
        largest = np.abs(columns).max(axis=1)
        for place in [*range(1, len(columns)), 0]:
            most, column = largest[place], columns[place]
            if most <= BOUND:
                continue
            self.close()
            subject = f"component {names[place - 1]!r}" if place else "the total"
            bad = int(np.count_nonzero(~np.isfinite(column)))
            if bad:
                what = "NaN" if np.isnan(column).any() else "infinite"
                advice = "guard roots, logarithms, divisions and exponentials against the values that occur"
                raise failed("not_finite", f"{subject} is {what} in {bad} of {column.size} rows: {advice}")
            raise failed("too_large_value", f"{subject} reaches {most:.3g}; the bound is 1e6: use a smaller weight")

    def _fail(self, answered: channel.Answered) -> NoReturn:
        self.close()
        raise fault(channel.told(answered.body) if answered.status == frames.FAULT else {}, name=self._function)


def _argument(name: str, signals: Mapping[str, Signal]) -> tuple[str, str]:
    """How the process fills an argument: kind (`now`, `prev`, `memory`) and base name."""
    if name == "memory" and name not in signals:
        return ("memory", name)
    return ("now", name) if name in signals else ("prev", name.removeprefix("prev_"))


def _raise_for(error: Exception, seconds: float) -> NoReturn:
    """What became of the process, as whose fault it is."""
    if isinstance(error, channel.Late):
        raise timed_out(seconds) from None
    if isinstance(error, channel.Ended):
        if error.from_outside:
            raise error.as_infrastructure() from None
        raise died(error.code) from None
    raise fault({}) from None
