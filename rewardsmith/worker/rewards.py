"""Where the rewards of a recording come from: a reward process, the environment itself, or the score."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from rewardsmith.domain.job import TrainJob
from rewardsmith.domain.survey import Signal
from rewardsmith.errors import TaskError
from rewardsmith.reward.process import Answer, RewardProcess, ScoreProcess
from rewardsmith.reward.rejection import failed
from rewardsmith.reward.source import analyse_score
from rewardsmith.worker.recording import Recording

__all__ = ["ProcessRewards", "RewardSource", "StockRewards", "TerminalScoreRewards", "open_rewards"]

_MOST_STOCK = 1e100
"""Largest magnitude of a stock reward: the squares of larger ones are infinite."""


class RewardSource(Protocol):
    """Gives every step of a recording its reward."""

    reads: tuple[str, ...]
    """Signals that must be recorded."""

    def ask(self, recording: Recording, *, stream: str) -> Answer:
        """Total and components, (T, N) each; consecutive recordings of one stream continue each other.

        Raises:
            RewardFailed: the reward broke its contract.
            RewardProcessError: the process could not do its work.
        """
        ...

    def close(self) -> None:
        """End what was started."""
        ...


class ProcessRewards:
    """What a reward process answers: a candidate, or the score rule's own `sparse(...)`."""

    def __init__(self, process: RewardProcess) -> None:
        self._process = process
        self.reads = process.reads

    def ask(self, recording: Recording, *, stream: str) -> Answer:
        """One request for the whole recording."""
        return self._process.ask(recording.arrays, recording.starts, stream=stream)

    def close(self) -> None:
        """Kill the process."""
        self._process.close()


class StockRewards:
    """The environment's own reward, as its step returned it."""

    reads: tuple[str, ...] = ()

    def ask(self, recording: Recording, *, stream: str) -> Answer:  # noqa: ARG002 - the seam's signature
        """A copy of what was recorded, without components.

        Raises:
            RewardFailed: the environment paid NaN, or more than any sum can hold.
        """
        wrong = ~(np.abs(recording.stock) <= _MOST_STOCK)
        if wrong.any():
            raise failed(
                "not_finite",
                f"the environment's own reward is NaN, infinite or beyond {_MOST_STOCK:g} in {int(wrong.sum())} of "
                f"{wrong.size} steps: leave the baseline `human` out, or correct the environment",
            )
        return Answer(total=recording.stock.copy(), components={})

    def close(self) -> None:
        """Nothing was started."""


class TerminalScoreRewards:
    """Pays each episode's score at its last step and nothing before."""

    def __init__(self, score: ScoreProcess) -> None:
        self._score = score
        self.reads = score.reads
        self._open: dict[tuple[str, int], list[dict[str, npt.NDArray[Any]]]] = {}

    def ask(self, recording: Recording, *, stream: str) -> Answer:
        """Zeros but for the last step of each episode; what has not ended is kept for the next recording."""
        total: npt.NDArray[np.float64] = np.zeros(recording.starts.shape)
        for i in range(total.shape[1]):
            self._pay(recording, stream, i, total[:, i])
        return Answer(total=total, components={})

    def _pay(self, recording: Recording, stream: str, i: int, total: npt.NDArray[np.float64]) -> None:
        parts = self._open.setdefault((stream, i), [])
        marks = sorted({0, *np.flatnonzero(recording.starts[:, i]).tolist(), len(total)})
        for first, last in pairwise(marks):
            if recording.starts[first, i]:
                parts.clear()
            parts.append({name: recording.arrays[name][first:last, i].copy() for name in self.reads})
            if recording.ends[last - 1, i]:
                episode = {name: np.concatenate([part[name] for part in parts]) for name in self.reads}
                terminated = bool(recording.terminated[last - 1, i])
                total[last - 1] = self._score.ask(episode, terminated=terminated).score
                parts.clear()

    def close(self) -> None:
        """The score process belongs to who started it."""


def open_rewards(job: TrainJob, signals: Mapping[str, Signal], score: ScoreProcess) -> RewardSource:
    """Start what the job pays.

    Raises:
        RewardRejected: the candidate is against the contract.
        RewardFailed: it broke while it started.
        TaskError: the task has no reward of that kind.
    """
    reward = job.reward
    if reward.kind == "human":
        if not job.task.environment.stock_reward:
            raise TaskError(
                f"task {job.task.name!r}: the environment's own reward is not about this task",
                hint="train a candidate or `sparse`; environment.stock_reward = true in task.toml says otherwise",
            )
        return StockRewards()
    if reward.kind == "sparse":
        if analyse_score(job.task.score.source, signals).sparse is None:
            return TerminalScoreRewards(score)
        return ProcessRewards(
            RewardProcess(job.task.score.source, signals, limits=job.limits, function="sparse", namespaces=False)
        )
    if reward.source is None:
        raise TaskError("job.json: a candidate without a source", hint="reward.source holds its Python source")
    return ProcessRewards(RewardProcess(reward.source, signals, limits=job.limits, namespaces=False))
