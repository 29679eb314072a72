from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from rewardsmith.domain.survey import Signal
from rewardsmith.worker.backends.environments import Environments
from rewardsmith.worker.recording import Recorder
from rewardsmith.worker.vector import WorldsVecEnv


class Counting(gymnasium.Env[Any, Any]):
    """Observes the step number; ends by itself at `last`, is cut at `cut`; pays ten times the step number."""

    observation_space = spaces.Box(-1e9, 1e9, (1,), np.float64)
    action_space = spaces.Box(-1.0, 1.0, (2,), np.float32)

    def __init__(self, last: int = 10**9, cut: int = 10**9) -> None:
        self.last, self.cut, self.t = last, cut, 0
        self.render_mode = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.t = 0
        return np.zeros(1), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.t += 1
        return np.array([float(self.t)]), 10.0 * self.t, self.t == self.last, self.t == self.cut, {"count": self.t}


SIGNALS = {
    "observation": Signal(name="observation", shape=(1,), meaning="", reader="observation"),
    "action": Signal(name="action", shape=(2,), meaning="", reader="action"),
    "terminated": Signal(name="terminated", shape=(), dtype="bool", meaning="", reader="terminated"),
    "count": Signal(name="count", shape=(), meaning="", reader="info:count"),
}


def vector(*envs: Counting, capacity: int = 8) -> WorldsVecEnv:
    worlds = Environments(envs)
    worlds.record(SIGNALS, capacity)
    made = WorldsVecEnv(worlds)
    made.reset()
    return made


def test_signals_are_those_of_the_last_step_and_not_of_the_reset() -> None:
    env = vector(Counting(last=3), Counting(cut=2))
    actions = np.arange(16, dtype=np.float32).reshape(4, 2, 2) / 16
    steps = [env.step(action) for action in actions]
    recording = env.worlds.take()
    assert recording.arrays["count"].tolist() == [[1, 1], [2, 2], [3, 1], [1, 2]]
    assert np.array_equal(recording.arrays["observation"][..., 0], recording.arrays["count"])
    assert np.array_equal(recording.arrays["action"], actions)
    assert recording.starts.tolist() == [[True, True], [False, False], [False, True], [True, False]]
    assert recording.terminated.tolist() == [[False, False], [False, False], [True, False], [False, False]]
    assert np.array_equal(recording.arrays["terminated"], recording.terminated)
    assert recording.truncated.tolist() == [[False, False], [False, True], [False, False], [False, True]]
    assert recording.stock.tolist() == [[10, 10], [20, 20], [30, 10], [10, 20]]
    observations, rewards, dones, infos = steps[1]
    assert observations.tolist() == [[2.0], [0.0]]
    assert rewards.tolist() == [0.0, 0.0]
    assert dones.tolist() == [False, True]
    assert infos[1]["TimeLimit.truncated"] is True
    assert infos[1]["terminal_observation"].tolist() == [2.0]
    assert steps[2][3][0]["TimeLimit.truncated"] is False
    assert infos[0] == {}


def test_an_end_and_a_cut_in_the_same_step_is_an_end() -> None:
    env = vector(Counting(last=1, cut=1))
    _, _, dones, infos = env.step(np.zeros((1, 2), dtype=np.float32))
    assert dones[0]
    assert infos[0]["TimeLimit.truncated"] is False


def test_a_new_recording_begins_where_the_last_one_ended() -> None:
    env = vector(Counting(), Counting())
    action = np.zeros((2, 2), dtype=np.float32)
    for _ in range(3):
        env.step(action)
    assert len(env.worlds.take().starts) == 3
    env.step(action)
    recording = env.worlds.take()
    assert recording.arrays["count"].tolist() == [[4, 4]]
    assert not recording.starts.any()


def test_more_steps_than_there_is_room_for_are_an_error_and_not_lost() -> None:
    env = vector(Counting(), capacity=1)
    env.step(np.zeros((1, 2), dtype=np.float32))
    with pytest.raises(RuntimeError, match="1 steps that nobody has taken"):
        env.step(np.zeros((1, 2), dtype=np.float32))


def test_a_reset_drops_what_was_recorded_and_starts_episodes() -> None:
    env = vector(Counting())
    env.step(np.zeros((1, 2), dtype=np.float32))
    env.reset()
    env.step(np.zeros((1, 2), dtype=np.float32))
    recording = env.worlds.take()
    assert recording.arrays["count"].tolist() == [[1]]
    assert recording.starts.all()


def test_seeds_reach_every_environment_once() -> None:
    members = Counting(), Counting()
    env = vector(*members)
    env.seed(5)
    env.reset()
    draws = [member.np_random.random() for member in members]
    env.seed(5)
    env.reset()
    assert draws == [member.np_random.random() for member in members]
    assert draws[0] != draws[1]


def test_types_are_those_of_the_signals() -> None:
    arrays = Recorder(SIGNALS, 4, 3).arrays
    assert {name: (str(array.dtype), array.shape) for name, array in arrays.items()} == {
        "observation": ("float64", (4, 3, 1)),
        "action": ("float64", (4, 3, 2)),
        "terminated": ("bool", (4, 3)),
        "count": ("float64", (4, 3)),
    }
