"""The worker with the reward called in its own process, unlocked: what `isolation` compares with."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from rewardsmith.domain.job import TrainJob
from rewardsmith.domain.survey import Signal
from rewardsmith.reward.process import Answer, ScoreProcess
from rewardsmith.worker import __main__ as worker
from rewardsmith.worker import train
from rewardsmith.worker.recording import Recording


class InProcess:
    """Calls a reward without `memory` as an ordinary function."""

    def __init__(self, source: str) -> None:
        module: dict[str, Any] = {}
        exec(source, module)
        self._call = module["compute_reward"]
        code = self._call.__code__
        self._names = code.co_varnames[: code.co_argcount]
        self._last: dict[tuple[str, str], Any] = {}
        self.reads = tuple(dict.fromkeys(name.removeprefix("prev_") for name in self._names))

    def ask(self, recording: Recording, *, stream: str) -> Answer:
        """Total and components, (T, N) each."""
        arguments = []
        for name in self._names:
            now = recording.arrays[name.removeprefix("prev_")]
            array = self._earlier(name, now, recording.starts, stream) if name.startswith("prev_") else now
            arguments.append(array.reshape((-1, *array.shape[2:])))
        total, components = self._call(*arguments)
        shape = recording.starts.shape
        return Answer(total.reshape(shape), {name: values.reshape(shape) for name, values in components.items()})

    def _earlier(self, name: str, now: Any, starts: Any, stream: str) -> Any:
        first = self._last.get((stream, name), now[0])
        array = np.concatenate([first[None], now[:-1]])
        array[starts] = now[starts]
        self._last[stream, name] = now[-1].copy()
        return array

    def close(self) -> None:
        """Nothing was started."""


def in_process(job: TrainJob, signals: Mapping[str, Signal], score: ScoreProcess) -> InProcess:
    """Take the place of `open_rewards`."""
    del signals, score
    assert job.reward.source is not None
    return InProcess(job.reward.source)


if __name__ == "__main__":
    train.open_rewards = in_process  # type: ignore[attr-defined]
    sys.exit(worker.main())
