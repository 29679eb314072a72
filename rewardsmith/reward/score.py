"""The host's view of a task's score rule, in a locked process of its own; never a candidate's."""

from __future__ import annotations

import math
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from rewardsmith.domain.job import MOST_SCORE, RewardLimits
from rewardsmith.domain.survey import Signal
from rewardsmith.errors import RewardProcessError, ScoreRuleError
from rewardsmith.reward import channel, frames
from rewardsmith.reward.locked import Locked
from rewardsmith.reward.rejection import printable
from rewardsmith.reward.source import analyse_score

_CODES = {
    "score_type": "score(...) must return one number, not {type}",
    "score_value": "score(...) returned {value}: it must be finite",
    "success_type": "success(...) must return True or False, not {type}",
    "no_function": "after the module has run, score or success is no function",
    "read_only": "it writes into a signal in line {line}; signals are read-only",
    "memory": "it needs more memory than the limit",
    "exception": "it raised {type} in line {line}: {text}",
}


@dataclass(frozen=True)
class ScoreAnswer:
    """What the score rule says of one episode."""

    score: float
    """How well it went; finite, higher is better."""
    success: bool | None
    """Verdict of `success(...)`, where there is one."""


class ScoreProcess(Locked):
    """A score rule, running alone and locked. Use it as a context manager, or `close` it."""

    def __init__(
        self,
        source: str,
        signals: Mapping[str, Signal],
        *,
        dt: float,
        horizon: int,
        limits: RewardLimits | None = None,
        namespaces: bool | None = None,
    ) -> None:
        """Analyse the rule, start the process, lock it, run the module body.

        Args:
            source: Text of `score.py`.
            signals: By name, every signal that it may read.
            dt: Seconds of simulated time per step.
            horizon: Steps after which an episode is truncated.
            limits: Wall clock and memory, and whether to go on where Landlock or seccomp are missing.
            namespaces: None for bubblewrap where this machine has it, True to insist, False inside a worker's sandbox.

        Raises:
            ScoreRuleError: The rule is wrong, or its module body failed.
            IsolationUnavailable: This machine cannot lock a process.
            RewardProcessError: The process did not come up, or was killed from outside.
        """
        self.analysis = analyse_score(source, signals)
        self.reads: tuple[str, ...] = self.analysis.signals
        self._limits = limits or RewardLimits()
        self._took_s = 0.0
        self._signals = [signals[name] for name in self.reads]
        spec = {
            "mode": "score",
            "source": source,
            "signals": [[s.name, list(s.shape), s.dtype] for s in self._signals],
            "rules": {name: list(arguments) for name, arguments in self.analysis.rules.items()},
            "dt": dt,
            "horizon": horizon,
        }
        self._channel = channel.Channel(spec, self._limits, namespaces)
        try:
            ready = self._channel.wait_ready()
        except (channel.Ended, channel.Late, channel.Garbled) as error:
            self._raise_for(error, self._limits.start_seconds)
        if ready.status != frames.READY:
            self._fail(ready)

    def ask(self, arrays: Mapping[str, npt.NDArray[Any]], *, terminated: bool) -> ScoreAnswer:
        """The score of one episode.

        Args:
            arrays: By name, every signal of `reads`: shape (T, ...), over the whole episode.
            terminated: Whether the episode ended by itself, before the horizon.

        Raises:
            ScoreRuleError: The rule raised, hung, or returned no finite number. The process is dead.
            RewardProcessError: The process was killed from outside, or is closed.
            ValueError: The request itself is wrong: a signal is missing or has another shape.
        """
        if self._channel.closed:
            raise RewardProcessError("this score process is closed")
        batched = {name: np.asarray(arrays[name])[:, None] for name in self.reads if name in arrays}
        steps = len(next(iter(batched.values()))) if batched else 1
        if not steps:
            raise ValueError("an episode needs at least one step")
        starts = np.zeros((steps, 1), dtype=np.bool_)
        parts = [starts, *(channel.column(batched, signal, (steps, 1)) for signal in self._signals)]
        begun = time.monotonic()
        try:
            answered = self._channel.ask(0, int(terminated), steps, 1, parts, most=1 << 16)
        except (channel.Ended, channel.Late, channel.Garbled) as error:
            self._raise_for(error, self._limits.seconds)
        self._took_s += time.monotonic() - begun
        if self._took_s > (self._limits.total_seconds or math.inf):
            self.close()
            raise ScoreRuleError(f"the score rule is too slow: its episodes took more than {self._took_s:.0f} s")
        if answered.status != frames.SCORED or len(answered.body) != 16:
            self._fail(answered)
        score, verdict = struct.unpack("<dd", answered.body)
        if not math.isfinite(score):
            self._fail(answered)
        if abs(score) > MOST_SCORE:
            self.close()
            raise ScoreRuleError(
                f"the score rule failed: score(...) returned {score:g}; the bound is {MOST_SCORE:g}",
                hint="correct score.py of the task",
            )
        return ScoreAnswer(score=score, success=verdict == 1.0 if self.analysis.success else None)

    def _fail(self, answered: channel.Answered) -> NoReturn:
        self.close()
        told = channel.told(answered.body) if answered.status == frames.FAULT else {}
        words = {name: _printable(told.get(name)) for name in ("type", "value", "line", "text")}
        text = _CODES.get(str(told.get("code")), "its process sent an answer that is no answer").format(**words)
        raise ScoreRuleError(f"the score rule failed: {text}", hint="correct score.py of the task")

    def _raise_for(self, error: Exception, seconds: float) -> NoReturn:
        if isinstance(error, channel.Ended) and error.from_outside:
            raise error.as_infrastructure() from None
        what = f"no answer within {seconds:g} s" if isinstance(error, channel.Late) else "its process died"
        raise ScoreRuleError(f"the score rule failed: {what}", hint="correct score.py of the task") from None


def _printable(value: object) -> str:
    return printable(str(value), 300) if value is not None else "?"
