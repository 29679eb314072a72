"""Steps the environment afresh from stored states of MuJoCo: the job `step`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium
import mujoco
import numpy as np
import numpy.typing as npt

from rewardsmith.domain.job import StepJob
from rewardsmith.domain.states import SimulatorState, Stepped
from rewardsmith.domain.survey import Signal
from rewardsmith.errors import TaskError
from rewardsmith.export.signals import mujoco_model
from rewardsmith.worker.backends.gymnasium import make
from rewardsmith.worker.episodes import Episode, Stage, columns, write_rows

__all__ = ["read_state", "run", "step"]

_FULL = int(mujoco.mjtState.mjSTATE_INTEGRATION)
Floats = npt.NDArray[np.float64]


def run(job: StepJob, out: Path) -> None:
    """Write `step.json`, and `stepped.npz` where the states fit. Raises TaskError."""
    env = make(job.task)
    try:
        misfit = _misfit(env, job.states)
        episodes = [] if misfit else step(env, job.signals, job.states)
    finally:
        env.close()
    write_steps(out, job.signals, episodes, misfit)


def write_steps(out: Path, signals: Sequence[Signal], episodes: Sequence[Episode], misfit: str = "") -> None:
    """Write what `step` gave."""
    if episodes:
        write_rows(out / "stepped.npz", columns(signals, episodes), episodes)
    found = Stepped(lengths=tuple(len(episode.rows) for episode in episodes), misfit=misfit)
    (out / "step.json").write_text(found.model_dump_json(), encoding="utf-8")


def read_state(env: gymnasium.Env[Any, Any]) -> Floats:
    """The full physics state of MuJoCo, as it is now."""
    inner: Any = env.unwrapped
    state = np.empty(mujoco.mj_stateSize(inner.model, _FULL))
    mujoco.mj_getState(inner.model, inner.data, state, _FULL)
    return state


def step(env: gymnasium.Env[Any, Any], signals: Sequence[Signal], states: Sequence[SimulatorState]) -> list[Episode]:
    """What follows from each state. Raises TaskError where a signal is missing in some step."""
    stage = Stage(env, {signal.name: signal for signal in signals})
    episodes = []
    for each in states:
        env.reset(seed=each.seed)
        _set_state(env.unwrapped, np.asarray(each.state))
        try:
            episodes.append(stage.play(map(np.asarray, each.actions), seed=None))
        except KeyError as error:
            raise TaskError(f"signal {error.args[0]!r} is missing in some step from a stored state") from error
    return episodes


def _set_state(inner: Any, state: Floats) -> None:
    """Twice: what is derived from a state is computed by `mj_forward`, which leaves another warm start behind."""
    mujoco.mj_setState(inner.model, inner.data, state, _FULL)
    mujoco.mj_forward(inner.model, inner.data)
    mujoco.mj_setState(inner.model, inner.data, state, _FULL)


def _misfit(env: gymnasium.Env[Any, Any], states: Sequence[SimulatorState]) -> str:
    env.reset(seed=0)
    model = mujoco_model(env.unwrapped)
    if model is None:
        return "the simulator is not MuJoCo any more"
    size, width = mujoco.mj_stateSize(model, _FULL), int(np.prod(env.action_space.shape or ()))
    for each in states:
        if len(each.state) != size:
            return f"a state of this simulator has {size} numbers, a stored one {len(each.state)}"
        if any(len(action) != width for action in each.actions):
            return f"an action has {width} numbers here, a stored one {len(each.actions[0])}"
    return ""
