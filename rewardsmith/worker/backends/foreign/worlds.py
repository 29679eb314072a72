"""Worlds in a process of another interpreter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rewardsmith.domain.survey import Signal
from rewardsmith.domain.task import Task
from rewardsmith.errors import InfrastructureError
from rewardsmith.worker.backends.foreign.environment import observations
from rewardsmith.worker.backends.foreign.process import FarProcess
from rewardsmith.worker.backends.foreign.spaces import rebuild
from rewardsmith.worker.backends.worlds import Stepped
from rewardsmith.worker.recording import Recorder, Recording

__all__ = ["ForeignWorlds"]


class ForeignWorlds:
    """See `Worlds`. All worlds live in one process.

    Raises:
        TaskError, InfrastructureError: See `FarProcess`.
    """

    def __init__(self, task: Task, count: int) -> None:
        self._task, self.count = task.name, count
        self._far = FarProcess(task, count)
        opened = self._far.opened
        self.observation_space, self.action_space = (
            rebuild(opened["observation_space"]),
            rebuild(opened["action_space"]),
        )
        self.seconds_per_step = float(opened["dt"])
        self._fresh = np.ones(count, dtype=bool)
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
        self._shared = self._far.record(list(signals), list(also or {}), first).arrays
        for name, signal in every.items():
            if (shape := self._shared[f"signal:{name}"].shape[1:]) != signal.shape:
                raise InfrastructureError(
                    f"task {self._task!r}: signal {name!r} has shape {shape} in its interpreter, "
                    f"and had {signal.shape} when the task was surveyed",
                    hint=f"survey again: rewardsmith survey --env {self._task} --fresh",
                )
        self._read = np.zeros((self.count, len(every)), dtype=bool)
        self._read[:, : len(signals)] = True
        self._read[:first] = True

    def take(self) -> Recording:
        """What happened since the last call."""
        return self._recorder.take()

    def reset(self, seeds: Sequence[int | None]) -> Any:
        """Start an episode in the first worlds. See `Worlds.reset`."""
        self._far.call("reset", seeds=[None if seed is None else int(seed) for seed in seeds])
        self._fresh[:] = True
        self._recorder.filled = 0
        return observations(self._shared, self.observation_space)

    def step(self, actions: npt.NDArray[Any], *, running: npt.NDArray[np.bool_] | None = None) -> Stepped:
        """Step the worlds, record, and reset those whose episode has ended. See `Worlds.step`."""
        recorder, shared = self._recorder, self._shared
        t = recorder.next()
        recorder.starts[t] = self._fresh
        shared["action"][...] = actions
        shared["running"][...] = True if running is None else running
        ended = self._far.call("step", resets=running is None)["ended"]
        if (lost := (self._read & ~shared["present"])[shared["running"]]).any():
            name = list(recorder.arrays)[int(lost.any(axis=0).argmax())]
            raise InfrastructureError(f"task {self._task!r}: signal {name!r} is missing in a step of its interpreter")
        for name, array in recorder.arrays.items():
            array[t] = shared[f"signal:{name}"]
        for name in ("terminated", "truncated", "stock"):
            getattr(recorder, name)[t] = shared[name]
        self._fresh[:] = False
        self._fresh[ended] = True
        last = {i: observations(shared, self.observation_space, what="last", world=i) for i in ended}
        whole = observations(shared, self.observation_space)
        return Stepped(whole, last, recorder.terminated[t], recorder.truncated[t])

    def close(self) -> None:
        """End the process."""
        self._far.close()
