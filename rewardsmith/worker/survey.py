"""Runs the real environment with random, idle and reckless actions, and tells what is there."""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from rewardsmith.domain.job import SurveyJob
from rewardsmith.domain.survey import ExtremeEpisode, Signal, Survey
from rewardsmith.domain.task import Task
from rewardsmith.errors import TaskError, near_misses
from rewardsmith.export.discovery import FoundSignal
from rewardsmith.export.signals import SignalReader
from rewardsmith.reward.source import analyse_score
from rewardsmith.worker.backends.gymnasium import make
from rewardsmith.worker.backends.insight import insight
from rewardsmith.worker.backends.timing import seconds_per_step
from rewardsmith.worker.episodes import Episode, Stage, columns, lost, scored, scored_by_policy, write_rows
from rewardsmith.worker.players import play_extremes

__all__ = ["run"]

LEAST_ROWS = 2048
"""Short episodes go on until the probe has this many rows, so that it shows some variety."""

PROBE_BYTES = 64 * 2**20
"""Beyond this size the probe keeps whole episodes of about `PROBE_ROWS` rows."""

PROBE_ROWS = 4096

EXTREME_EPISODES = 3
"""Most episodes of each extreme policy."""

WIDEST_STATISTICS = 1024
"""Signals of more entries (images) get no statistics: no prompt and no search could use them."""

LARGEST = 1e100
"""Larger values, and NaN, count as 0 in the statistics: the squares of larger ones are infinite."""


def run(job: SurveyJob, out: Path) -> None:
    """Survey the task of `job` and write `survey.json`, `probe.npz` and `extremes.npz` into the folder `out`.

    Raises:
        TaskError: the environment, or a signal that the task file names, is wrong.
        ScoreRuleError: the score rule raised, or gave no finite number.
    """
    task = job.task
    env = make(task)
    try:
        recording = _record(env, job)
        known = insight(env)
        view = known.view(recording.info)
        found = _allowed(task, recording.found, view.dropped_info)
        episodes = recording.episodes
        arrays = columns(found, episodes)
        dt = seconds_per_step(env)
        versions, files = known.versions(), known.origins()
        space = env.action_space
        count = _affordable(arrays, job)
        played = play_extremes(Stage(env, {signal.name: signal for signal in found}), seed=job.seed, episodes=count)
    finally:
        env.close()
    signals = tuple(_signal(signal, arrays[signal.name]) for signal in found)
    recorded = scored(task, signals, episodes, dt, job.limits)
    kept = _fitting(arrays, [len(episode.rows) for episode in episodes])
    extremes = scored_by_policy(ExtremeEpisode, task, signals, played, dt, job.limits)
    survey = Survey(
        task=task.name,
        fingerprint=task.fingerprint(),
        signals=signals,
        view=task.view if task.view is not None else view.text,
        dropped_info=view.dropped_info,
        dt=dt,
        horizon=task.environment.horizon,
        action_low=_bounds(space, "low"),
        action_high=_bounds(space, "high"),
        episodes=recorded[:kept],
        extremes=tuple(extreme for extreme, _ in extremes),
        steps_per_second=recording.rate,
        versions=versions,
        origins=files,
        sparse_kind="rule" if analyse_score(task.score.source, arrays).sparse is not None else "terminal",
    )
    out.mkdir(parents=True, exist_ok=True)
    write_rows(out / "probe.npz", arrays, episodes[:kept])
    if extremes:
        tried = [episode for _, episode in extremes]
        write_rows(out / "extremes.npz", columns(found, tried), tried)
    (out / "survey.json").write_text(survey.model_dump_json(indent=1), encoding="utf-8")


@dataclass
class _Recording:
    """What the random episodes gave."""

    found: dict[str, FoundSignal]
    """Signals that every step had, by name."""
    episodes: list[Episode] = field(default_factory=list)
    info: set[str] = field(default_factory=set)
    """Names of all entries of `info` in any step."""
    rate: float = 0.0
    """Raw steps per second."""


def _record(env: gymnasium.Env[Any, Any], job: SurveyJob) -> _Recording:
    """Record random episodes of uniformly drawn actions."""
    specs = job.task.signals
    env.action_space.seed(job.seed)
    env.reset(seed=job.seed)
    info = env.step(env.action_space.sample())[4]
    try:
        recording = _Recording(insight(env).signals(specs, info))
    except ValueError as error:
        hint = "correct [signals] in task.toml: source, index and key must name data of the environment"
        raise TaskError(f"task {job.task.name!r}: {error}", hint=hint) from error
    found, episodes = recording.found, recording.episodes
    reader = SignalReader(env, {name: signal.reader for name, signal in found.items()})
    seeds = np.random.default_rng(job.seed)
    steps, seconds = 0, 0.0
    least = min(LEAST_ROWS, job.max_steps)
    while steps < job.max_steps and (len(episodes) < job.episodes or steps < least):
        episode = Episode()
        env.reset(seed=int(seeds.integers(2**31)))
        ended = False
        while not ended:
            action = env.action_space.sample()
            before = time.perf_counter()
            observation, _, terminated, truncated, info = env.step(action)
            seconds += time.perf_counter() - before
            if missing := lost(found, info):
                _check_named(job.task, missing, info)
                for name in missing:
                    del found[name]
                reader = SignalReader(env, {name: signal.reader for name, signal in found.items()})
            recording.info.update(map(str, info))
            episode.rows.append(reader.read(observation, action, bool(terminated), info))
            episode.terminated = bool(terminated)
            ended = bool(terminated or truncated)
        steps += len(episode.rows)
        episodes.append(episode)
    recording.rate = steps / max(seconds, 1e-9)
    return recording


def _check_named(task: Task, names: list[str], info: Mapping[str, Any]) -> None:
    """Raise if one of the signals that are not in every step is named by the task file."""
    for name in names:
        if name in task.signals:
            key = task.signals[name].key
            raise TaskError(
                f"task {task.name!r}: signal {name!r}: info has no entry {key!r} of one shape in every step",
                hint="name entries that every step has; this step has: " + (", ".join(map(str, info)) or "none"),
            )


def _allowed(task: Task, found: Mapping[str, FoundSignal], dropped: tuple[str, ...]) -> list[FoundSignal]:
    """Leave out what the environment's reward computed, and what the task does.

    Raises:
        TaskError: the task file names such an entry as a signal, or leaves out what is not there.
    """
    for pattern in task.leave_out:
        if not fnmatch.filter(found, pattern):
            near = near_misses(pattern, found)
            raise TaskError(
                f"task {task.name!r}: leave_out: no signal is called {pattern!r}"
                + (f"; did you mean {' or '.join(map(repr, near))}?" if near else ""),
                hint="correct leave_out in task.toml; `rewardsmith survey` lists the signals when it is empty",
            )
    allowed = []
    for signal in found.values():
        if signal.name not in task.signals and any(fnmatch.fnmatchcase(signal.name, each) for each in task.leave_out):
            continue
        key = signal.reader.removeprefix("info:").partition("@")[0]
        if not (signal.reader.startswith("info:") and key in dropped):
            allowed.append(signal)
        elif signal.name in task.signals:
            raise TaskError(
                f"task {task.name!r}: signal {signal.name!r}: the environment's own reward computed info[{key!r}]",
                hint="a reward must not read the stock reward; name another quantity under [signals]",
            )
    return allowed


def _signal(found: FoundSignal, array: npt.NDArray[Any]) -> Signal:
    """Describe a signal together with its statistics under random actions."""
    table = array.reshape(len(array), -1).astype(np.float64)
    statistics: dict[str, tuple[float, ...]] = {}
    if table.shape[1] <= WIDEST_STATISTICS:
        table = np.where(np.abs(table) <= LARGEST, table, 0.0)
        statistics = {
            key: tuple(float(value) for value in function(table, axis=0))
            for key, function in (("mean", np.mean), ("std", np.std), ("low", np.min), ("high", np.max))
        }
    return Signal.model_validate({**found._asdict(), **statistics})


def _affordable(arrays: Mapping[str, npt.NDArray[Any]], job: SurveyJob) -> int:
    """Episodes of each extreme policy: together no more steps than the random ones, and within the probe's size."""
    horizon = job.task.environment.horizon
    episode = horizon * sum(int(array[0].nbytes) for array in arrays.values())
    few = max(1, min(EXTREME_EPISODES, job.max_steps // (2 * horizon)))
    return min(few, PROBE_BYTES // (2 * episode))


def _fitting(arrays: Mapping[str, npt.NDArray[Any]], lengths: list[int]) -> int:
    """Count the episodes, from the first, that the probe keeps."""
    rows = sum(lengths)
    if sum(array.nbytes for array in arrays.values()) <= PROBE_BYTES or rows <= PROBE_ROWS:
        return len(lengths)
    return max(1, int(np.searchsorted(np.cumsum(lengths), PROBE_ROWS, side="right")))


def _bounds(space: gymnasium.Space[Any], end: str) -> tuple[float, ...]:
    """Bounds of a continuous action that has them."""
    if not isinstance(space, gymnasium.spaces.Box) or not space.is_bounded():
        return ()
    return tuple(float(bound) for bound in getattr(space, end).reshape(-1))
