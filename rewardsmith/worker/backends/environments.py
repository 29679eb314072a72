"""Worlds that are Gymnasium environments of this process, stepped one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from rewardsmith.domain.survey import Signal
from rewardsmith.export.signals import SignalReader
from rewardsmith.worker.backends.timing import seconds_per_step
from rewardsmith.worker.backends.worlds import Stepped
from rewardsmith.worker.recording import Recorder, Recording

__all__ = ["Environments"]


class Environments:
    """See `Worlds`.

    Args:
        envs: One environment each, none shared.
    """

    def __init__(self, envs: Sequence[gymnasium.Env[Any, Any]]) -> None:
        self.envs = list(envs)
        self.count = len(self.envs)
        self.observation_space, self.action_space = self.envs[0].observation_space, self.envs[0].action_space
        self.seconds_per_step = seconds_per_step(self.envs[0])
        self._observations = _Batch(self.observation_space, self.count)
        self._fresh = np.ones(self.count, dtype=bool)
        self.record({}, 1)

    @property
    def capacity(self) -> int:
        """Steps that can be recorded between two calls of `take`."""
        return self._recorder.capacity

    def record(
        self,
        signals: Mapping[str, Signal],
        capacity: int,
        *,
        also: Mapping[str, Signal] | None = None,
        first: int = 0,
    ) -> None:
        """Record signals by name. See `Worlds.record`."""
        every = {**signals, **(also or {})}
        self._recorder = Recorder(every, capacity, self.count)
        self._actions_as = [name for name, signal in every.items() if signal.reader == "action"]
        self._ends_as = [name for name, signal in every.items() if signal.reader == "terminated"]
        whole = {*self._actions_as, *self._ends_as}
        self._readers = []
        for i, env in enumerate(self.envs):
            read = every if i < first else signals
            addresses = {name: signal.reader for name, signal in read.items() if name not in whole}
            self._readers.append(SignalReader(env, addresses).read if addresses else None)

    def take(self) -> Recording:
        """What happened since the last call."""
        return self._recorder.take()

    def reset(self, seeds: Sequence[int | None]) -> Any:
        """Start an episode in the first worlds. See `Worlds.reset`."""
        for i, (env, seed) in enumerate(zip(self.envs, seeds, strict=False)):
            self._observations.put(i, env.reset(seed=seed)[0])
        self._fresh[:] = True
        self._recorder.filled = 0
        return self._observations.copy()

    def step(self, actions: npt.NDArray[Any], *, running: npt.NDArray[np.bool_] | None = None) -> Stepped:
        """Step every environment, record, and reset those whose episode has ended. See `Worlds.step`."""
        recorder, batch = self._recorder, self._observations
        t = recorder.next()
        rows = {name: array[t] for name, array in recorder.arrays.items()}
        all_terminated, all_truncated, stock = recorder.terminated[t], recorder.truncated[t], recorder.stock[t]
        recorder.starts[t] = self._fresh
        self._fresh[:] = False
        last: dict[int, Any] = {}
        for i, (env, read) in enumerate(zip(self.envs, self._readers, strict=True)):
            if running is not None and not running[i]:
                all_terminated[i] = all_truncated[i] = False
                continue
            action = actions[i]
            observation, reward, terminated, truncated, info = env.step(action)
            stock[i], all_terminated[i], all_truncated[i] = reward, terminated, truncated
            if read is not None:
                for name, value in read(observation, action, terminated, info).items():
                    rows[name][i] = value
            if (terminated or truncated) and running is None:
                last[i] = observation
                observation = env.reset()[0]
                self._fresh[i] = True
            batch.put(i, observation)
        for name in self._actions_as:
            rows[name][:] = actions
        for name in self._ends_as:
            rows[name][:] = all_terminated
        return Stepped(batch.copy(), last, all_terminated, all_truncated)

    def close(self) -> None:
        """Close every environment."""
        for env in self.envs:
            env.close()


class _Batch:
    """A preallocated batch of observations of a plain or a Dict space."""

    def __init__(self, space: spaces.Space[Any], rows: int) -> None:
        self._dict: dict[str, npt.NDArray[Any]] | None = None
        if isinstance(space, spaces.Dict):
            self._dict = {key: np.zeros((rows, *(part.shape or ())), part.dtype) for key, part in space.items()}
        else:
            self._plain = np.zeros((rows, *(space.shape or ())), space.dtype)

    def put(self, row: int, observation: Any) -> None:
        """Store one environment's observation."""
        if self._dict is None:
            self._plain[row] = observation
        else:
            for key, part in self._dict.items():
                part[row] = observation[key]

    def copy(self) -> Any:
        """The batch as Stable-Baselines3 takes it: an array, or a dict of arrays."""
        return self._plain.copy() if self._dict is None else {key: part.copy() for key, part in self._dict.items()}
