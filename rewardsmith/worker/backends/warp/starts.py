"""Start states as Gymnasium draws them: by the environment's own reset, with a generator for each world."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gymnasium.utils import seeding
from torch import Tensor

from rewardsmith.worker.backends.warp.rules import Rules
from rewardsmith.worker.backends.warp.state import of_host

__all__ = ["Drawer", "Starts"]


@dataclass(frozen=True)
class Starts:
    """Where some worlds begin."""

    worlds: Tensor
    """(k,) int64."""
    qpos: Tensor
    qvel: Tensor
    warmstart: Tensor
    """(k, nv): accelerations at which the solver begins."""
    observations: Tensor
    """(k, n) float64."""
    marks: Tensor
    """(k, m): what the first step's velocities are measured from."""


class Drawer:
    """Resets one environment on the host as often as worlds begin an episode.

    Args:
        env: A Gymnasium environment of MuJoCo, without its wrappers.
        rules: Its rules.
        count: Worlds.
    """

    def __init__(self, env: Any, rules: Rules, count: int) -> None:
        self._env, self._rules = env, rules
        self._seen = of_host(env.data)  # a reset fills the arrays that are there
        self._generators: list[np.random.Generator | None] = [None] * count
        self._ahead: dict[int, tuple[Any, ...]] = {}
        self._lacking: set[int] = set()

    def draw_ahead(self, busy: Callable[[], bool]) -> None:
        """Draw the next starts of worlds that lack one, as long as the device is `busy` with something else.

        A start depends on its world's generator alone, so it is the same whenever it is drawn.
        """
        while self._lacking and busy():
            world = self._lacking.pop()
            self._ahead[world] = self._one(world, None)

    def draw(self, worlds: Sequence[int], seeds: Sequence[int | None]) -> Starts:
        """A start for each of `worlds`; a seed begins its generator anew, None goes on with it."""
        drawn = [self._next(world, seed) for world, seed in zip(worlds, seeds, strict=True)]
        columns = [torch.from_numpy(np.stack(column)) for column in zip(*drawn, strict=True)]
        return Starts(torch.tensor(list(worlds)), *columns)

    def _next(self, world: int, seed: int | None) -> tuple[Any, ...]:
        ahead = self._ahead.pop(world, None)
        self._lacking.add(world)
        return self._one(world, seed) if seed is not None or ahead is None else ahead

    def _one(self, world: int, seed: int | None) -> tuple[Any, ...]:
        env, known = self._env, self._generators[world]
        if seed is None:
            env.np_random = seeding.np_random(None)[0] if known is None else known
        observation, _ = env.reset(seed=seed)
        self._generators[world] = env.np_random
        data = env.data
        mark = self._rules.mark(self._seen)[0].numpy().copy()
        return data.qpos.copy(), data.qvel.copy(), data.qacc_warmstart.copy(), observation, mark
