"""Plays scripted policies and keeps states of the simulator, for a reward that is kept: the job `script`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from rewardsmith.domain.job import ScriptJob
from rewardsmith.domain.states import OPENING, STATES, Scripted, ScriptedEpisode, SimulatorState
from rewardsmith.export.signals import mujoco_model
from rewardsmith.worker.backends.gymnasium import make
from rewardsmith.worker.backends.timing import seconds_per_step
from rewardsmith.worker.episodes import Episode, Stage, columns, scored_by_policy, write_rows
from rewardsmith.worker.players import play_extremes, play_random, play_scripted
from rewardsmith.worker.seeds import held_out_seeds
from rewardsmith.worker.stepping import read_state, step, write_steps

__all__ = ["run"]

RANDOM = 3
"""Random episodes that states are taken from."""
LONGEST = 1000
"""Steps of an episode that states are taken from."""


def run(job: ScriptJob, out: Path) -> None:
    """Write `script.json`, `scripted.npz`, `step.json` and `stepped.npz`. Raises TaskError."""
    env = make(job.task)
    try:
        signals = {signal.name: signal for signal in job.signals}
        played = play_scripted(Stage(env, signals), seed=job.seed)
        dt = seconds_per_step(env)
        states: tuple[SimulatorState, ...] = ()
        if mujoco_model(env.unwrapped) is not None:
            states = tuple(_states(list(_tracks(Stage(env, signals, lambda: read_state(env)), job))))
        followed = step(env, job.signals, states)
    finally:
        env.close()
    found = scored_by_policy(ScriptedEpisode, job.task, job.signals, played, dt, job.limits)
    if found:
        kept = [episode for _, episode in found]
        write_rows(out / "scripted.npz", columns(job.signals, kept), kept)
    write_steps(out, job.signals, followed)
    told = Scripted(episodes=tuple(episode for episode, _ in found), states=states)
    (out / "script.json").write_text(told.model_dump_json(), encoding="utf-8")


def _tracks(stage: Stage, job: ScriptJob) -> Iterator[tuple[int, Episode]]:
    """Seed and episode of trained, random, idle and reckless agents."""
    with contextlib.suppress(KeyError):
        for played in job.trained:
            (seed,) = held_out_seeds(1, final=False)
            yield seed, stage.play(map(np.asarray, played.actions), seed)
        for seed in range(job.seed, job.seed + RANDOM):
            yield seed, play_random(stage, seed=seed, most=LONGEST)
        for episodes in play_extremes(stage, seed=job.seed, episodes=1).values():
            yield job.seed, episodes[0]


def _states(tracks: Sequence[tuple[int, Episode]]) -> Iterator[SimulatorState]:
    """States spread over every episode, the last one so that the episode ends within its steps."""
    for i, (seed, episode) in enumerate(tracks):
        count = (STATES * (i + 1)) // len(tracks) - (STATES * i) // len(tracks)
        last = max(0, len(episode.actions) - OPENING // 2)
        for place in np.linspace(last, 0, count, endpoint=count > 1 and i % 2 == 0).astype(int):
            actions = episode.actions[place : place + OPENING]
            actions += [actions[-1]] * (OPENING - len(actions))  # for a simulator where it does not end there
            if not np.isfinite(episode.states[place]).all():
                continue
            yield SimulatorState(
                seed=seed,
                state=tuple(episode.states[place].tolist()),
                actions=tuple(tuple(action.tolist()) for action in actions),
            )
