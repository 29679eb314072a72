"""Worlds of MuJoCo Warp: a task's Gymnasium environment, thousands of times, on one device."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rewardsmith.domain.survey import Signal
from rewardsmith.domain.task import Task
from rewardsmith.errors import TaskError
from rewardsmith.worker.backends.gymnasium import make
from rewardsmith.worker.backends.timing import seconds_per_step
from rewardsmith.worker.backends.warp.rollout import Rollout
from rewardsmith.worker.backends.warp.rules import RULES, rules_of
from rewardsmith.worker.backends.warp.signals import WorldReader
from rewardsmith.worker.backends.warp.simulation import Simulation
from rewardsmith.worker.backends.warp.starts import Drawer, Starts
from rewardsmith.worker.backends.worlds import Stepped
from rewardsmith.worker.recording import Recording

__all__ = ["Moved", "WarpWorlds"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Moved:
    """What one step of all worlds gave, on their device."""

    observations: Tensor
    """(N, n) float32: those of a fresh episode where the last one has ended and was reset."""
    last: Tensor
    """(N, n): before any reset."""
    terminated: Tensor
    """(N,) bool."""
    truncated: Tensor
    """(N,) bool."""
    ended: list[int]
    """Worlds that were reset."""


class WarpWorlds:
    """N worlds of a task.

    Args:
        task: Its environment must be one of Gymnasium's own of MuJoCo, version 5.
        count: N.
        device: `cpu`, or a CUDA device as torch names it.

    Raises:
        TaskError: MuJoCo Warp has no rules for this environment.
    """

    def __init__(self, task: Task, count: int, device: str) -> None:
        self._env = make(task)
        self._inner: Any = self._env.unwrapped
        rules = rules_of(self._inner)
        if rules is None:
            known = ", ".join(sorted(name.removesuffix("Env") for name in RULES))
            raise TaskError(
                f"task {task.name!r}: {task.environment.id} ({type(self._inner).__name__}) cannot run on MuJoCo Warp",
                hint=f"train it without --backend; Warp serves Gymnasium's own MuJoCo environments, v5: {known}",
            )
        self.count = count
        self.device = torch.device(device)
        self.observation_space, self.action_space = self._env.observation_space, self._env.action_space
        self.seconds_per_step = seconds_per_step(self._env)
        self._horizon = task.environment.horizon
        self._rules, self._drawer = rules, Drawer(self._inner, rules, count)
        self._inner.reset(seed=0)
        self._simulation = Simulation(self._inner, count, device)
        self._marks = torch.zeros(count, self._rules.mark(self._simulation.state).shape[1], device=self.device)
        self._lengths = torch.zeros(count, dtype=torch.int64, device=self.device)
        self._observations = torch.zeros((count, *(self.observation_space.shape or ())), device=self.device)
        self.record({}, 1)

    @property
    def observations(self) -> Tensor:
        """(N, n) float32: what is seen now."""
        return self._observations.clone()

    @property
    def capacity(self) -> int:
        """Steps that can be recorded between two calls of `take`."""
        return self._rollout.capacity

    def record(
        self,
        signals: Mapping[str, Signal],
        capacity: int,
        *,
        also: Mapping[str, Signal] | None = None,
        first: int = 0,
    ) -> None:
        """See `Worlds`. What some worlds record, all do: a column costs less than a choice."""
        whole = {**signals, **(also or {})} if first else dict(signals)
        self._reader = WorldReader(self._inner.model, whole)
        self._simulation.track_momentum(self._reader.momentum)
        self._rollout = Rollout(whole, capacity, self.count, self.device)

    def reset(self, seeds: Sequence[int | None]) -> npt.NDArray[np.float64]:
        """See `Worlds`."""
        return _float64(self.restart(seeds))

    def step(self, actions: npt.NDArray[Any], *, running: npt.NDArray[np.bool_] | None = None) -> Stepped:
        """See `Worlds`."""
        moved = self.advance(torch.as_tensor(actions).to(self.device, torch.float32), resetting=running is None)
        last = _float64(moved.last[moved.ended]) if moved.ended else ()
        return Stepped(
            observations=_float64(moved.observations),
            last=dict(zip(moved.ended, last, strict=True)),
            terminated=moved.terminated.cpu().numpy(),
            truncated=moved.truncated.cpu().numpy(),
        )

    def try_out(self) -> None:
        """Make a step that counts for nothing, so that all it needs is there. Raises RuntimeError where it is not."""
        self._simulation.step(torch.zeros_like(self._simulation.state.ctrl))

    def take(self) -> Recording:
        """What happened since the last call, as views that the next call overwrites; lacking physics is logged."""
        if crowded := self._simulation.crowded():
            logger.warning(
                "in %d of %d worlds some contacts or constraints were left out: there is room for %d rows in each",
                crowded,
                self.count,
                self._simulation.rows,
            )
        return self._rollout.take()

    def close(self) -> None:
        """End the simulation; safe to repeat."""
        self._env.close()

    def restart(self, seeds: Sequence[int | None]) -> Tensor:
        """`reset`, with observations that stay on the device."""
        self._rollout.filled = 0
        self.put(self._drawer.draw(range(len(seeds)), seeds))
        return self.observations

    def advance(self, actions: Tensor, *, resetting: bool = True) -> Moved:
        """`step`, with tensors that stay on the device.

        Args:
            actions: (N, ...) float32 on the device, as the environment takes them.
            resetting: Whether worlds whose episode has ended begin the next one.
        """
        rules, state = self._rules, self._simulation.state
        self._simulation.step(actions, self._drawer.draw_ahead)
        fresh = self._lengths == 0
        self._lengths += 1
        observations, terminated = rules.observe(state), rules.terminated(state)
        truncated = self._lengths >= self._horizon
        info = rules.info(state, self._marks)
        stock = rules.stock(state, actions, info, terminated)
        step = {"observation": observations, "action": actions, "terminated": terminated}
        step |= {f"info:{key}": value for key, value in info.items()}
        self._rollout.add(self._reader.read(state, step), fresh, terminated, truncated, stock)
        self._marks.copy_(rules.mark(state))
        self._observations.copy_(observations)
        ended = torch.nonzero(terminated | truncated)[:, 0].tolist() if resetting else []
        if ended:
            self.put(self._drawer.draw(ended, [None] * len(ended)))
        return Moved(self.observations, observations, terminated, truncated, ended)

    def put(self, starts: Starts) -> None:
        """Begin an episode in some worlds."""
        where = starts.worlds.to(self.device)
        self._simulation.put(where, starts.qpos, starts.qvel, starts.warmstart)
        self._marks[where] = starts.marks.to(self._marks)
        self._observations[where] = starts.observations.to(self._observations)
        self._lengths[where] = 0


def _float64(tensor: Tensor) -> npt.NDArray[np.float64]:
    return tensor.to("cpu", torch.float64).numpy()
