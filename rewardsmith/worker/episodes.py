"""Recorded episodes: played, stacked, scored and written."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import gymnasium
import numpy as np
import numpy.typing as npt

from rewardsmith.domain.job import RewardLimits
from rewardsmith.domain.survey import RecordedEpisode, Signal
from rewardsmith.domain.task import Task
from rewardsmith.errors import ScoreRuleError
from rewardsmith.export.discovery import FoundSignal
from rewardsmith.export.signals import SignalReader
from rewardsmith.reward.process import ScoreProcess

__all__ = ["Episode", "Stage", "columns", "lost", "scored", "scored_by_policy", "write_rows"]

Floats = npt.NDArray[np.float64]
PlayedBy = TypeVar("PlayedBy", bound=RecordedEpisode)


@dataclass
class Episode:
    """One episode: its rows as they are read, and how it ended."""

    rows: list[dict[str, npt.NDArray[Any]]] = field(default_factory=list)
    terminated: bool = False
    actions: list[Floats] = field(default_factory=list)
    """What was done in each step."""
    states: list[Floats] = field(default_factory=list)
    """State of the simulator before each step, where the stage keeps it."""


def lost(found: Mapping[str, FoundSignal | Signal], info: Mapping[str, Any]) -> list[str]:
    """Signals of `info` that this step lacks or gives in another shape: a signal is there in every step."""
    missing = []
    for name, signal in found.items():
        if signal.reader.startswith("info:") and "@" not in signal.reader:
            value = info.get(signal.reader.removeprefix("info:"))
            if value is None or np.shape(value) != signal.shape:
                missing.append(name)
    return missing


class Stage:
    """An environment to play episodes in.

    Args:
        env: The environment.
        found: Its signals, by name.
        state: Gives the state of its simulator, for the episodes to keep.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        found: Mapping[str, FoundSignal | Signal],
        state: Callable[[], Floats] | None = None,
    ) -> None:
        self.env, self._found, self._state = env, found, state
        self._reader = SignalReader(env, {name: signal.reader for name, signal in found.items()})

    def play(self, actions: Iterable[Floats], seed: int | None, most: int | None = None) -> Episode:
        """One episode until it ends, the actions do, or after `most` steps.

        Args:
            actions: As many numbers each as an action has.
            seed: Of the reset; None goes on from where the environment is.
            most: Steps after which nobody looks any more.

        Raises:
            KeyError: A signal is missing in some step.
        """
        space, episode = self.env.action_space, Episode()
        if seed is not None:
            self.env.reset(seed=seed)
        for values in islice(actions, most):
            if self._state is not None:
                episode.states.append(self._state())
            action = np.asarray(values, dtype=space.dtype).reshape(space.shape or ())[()]
            observation, _, terminated, truncated, info = self.env.step(action)
            if missing := lost(self._found, info):
                raise KeyError(missing[0])
            episode.actions.append(np.asarray(values, dtype=np.float64).reshape(-1))
            episode.rows.append(self._reader.read(observation, action, bool(terminated), info))
            if terminated or truncated:
                episode.terminated = bool(terminated)
                break
        return episode


def columns(found: Iterable[FoundSignal | Signal], episodes: Sequence[Episode]) -> dict[str, npt.NDArray[Any]]:
    """Stack the rows of all episodes, one array per signal: shape (rows, ...)."""
    return {
        signal.name: np.stack([row[signal.name] for episode in episodes for row in episode.rows]) for signal in found
    }


def scored(
    task: Task, signals: Iterable[Signal], episodes: Sequence[Episode], dt: float, limits: RewardLimits
) -> tuple[RecordedEpisode, ...]:
    """Score every episode by the task's rule. Raises ScoreRuleError."""
    recorded = []
    by_name = {signal.name: signal for signal in signals}
    horizon = task.environment.horizon
    process = ScoreProcess(task.score.source, by_name, dt=dt, horizon=horizon, limits=limits, namespaces=False)
    try:
        for episode in episodes:
            arrays = {name: np.stack([row[name] for row in episode.rows]) for name in process.reads}
            answer = process.ask(arrays, terminated=episode.terminated)
            recorded.append(
                RecordedEpisode(
                    length=len(episode.rows),
                    score=answer.score,
                    success=answer.success,
                    terminated=episode.terminated,
                )
            )
    finally:
        process.close()
    return tuple(recorded)


def scored_by_policy(
    kind: type[PlayedBy],
    task: Task,
    signals: Iterable[Signal],
    played: Mapping[Any, Sequence[Episode]],
    dt: float,
    limits: RewardLimits,
) -> list[tuple[PlayedBy, Episode]]:
    """Score what policies played. One on which the score rule fails tells nothing and is left out."""
    kept: list[tuple[PlayedBy, Episode]] = []
    for policy, episodes in played.items():
        with contextlib.suppress(ScoreRuleError):
            told = scored(task, signals, episodes, dt, limits)
            records = [kind.model_validate(each.model_dump() | {"policy": policy}) for each in told]
            kept += zip(records, episodes, strict=True)
    return kept


def write_rows(path: Path, arrays: Mapping[str, npt.NDArray[Any]], episodes: Sequence[Episode]) -> None:
    """Write the rows of the first episodes, with a mark where each begins."""
    lengths = [len(episode.rows) for episode in episodes]
    starts = np.zeros(sum(lengths), dtype=bool)
    starts[np.cumsum([0, *lengths[:-1]])] = True
    rows = {name: array[: len(starts)] for name, array in arrays.items()}
    np.savez(path, allow_pickle=False, **rows, __starts__=starts)
