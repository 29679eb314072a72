"""Start states as Gymnasium draws them: by the environment's own reset, with a generator for each world."""

from __future__ import annotations

from collections.abc import Sequence
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
        self._generators: list[np.random.Generator | None] = [None] * count

    def draw(self, worlds: Sequence[int], seeds: Sequence[int | None]) -> Starts:
        """A start for each of `worlds`; a seed begins its generator anew, None goes on with it."""
        drawn = [self._one(world, seed) for world, seed in zip(worlds, seeds, strict=True)]
        columns = [torch.from_numpy(np.stack(column)) for column in zip(*drawn, strict=True)]
        return Starts(torch.tensor(list(worlds)), *columns)

    def _one(self, world: int, seed: int | None) -> tuple[Any, ...]:
        env, known = self._env, self._generators[world]
        if seed is None:
            env.np_random = seeding.np_random(None)[0] if known is None else known
        observation, _ = env.reset(seed=seed)
        self._generators[world] = env.np_random
        data = env.data
        mark = self._rules.mark(of_host(data))[0].numpy().copy()
        return data.qpos.copy(), data.qvel.copy(), data.qacc_warmstart.copy(), observation, mark
