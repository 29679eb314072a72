"""A Gymnasium wrapper that pays a reward in the reward contract instead of the environment's own.

This file needs numpy, gymnasium and the environment's simulator only; exported rewards carry a copy of it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import gymnasium
import numpy as np

from rewardsmith.export.signals import Array, SignalReader


class PayingWrapper(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Pays `reward` at every step; its components stand in `info["reward_components"]`.

    The reward runs in this process, with everything that this process may do: use it for rewards that you trust.

    Args:
        env: the environment to wrap.
        reward: a function in the reward contract: batched signals in, total and components out. It is given one row.
        readers: where each signal that it reads is found, by name.
        memory: value of each entry of its memory at the start of an episode.
        parameters: values of its keyword-only parameters, in place of the defaults.

    Raises:
        ValueError: a signal that the environment does not have, or a parameter that the reward does not have.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        reward: Callable[..., Any],
        readers: Mapping[str, str],
        memory: Mapping[str, float] | None = None,
        parameters: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(env)
        signature = inspect.signature(reward).parameters.values()
        self._arguments = [p.name for p in signature if p.kind is not p.KEYWORD_ONLY]
        known = [p.name for p in signature if p.kind is p.KEYWORD_ONLY]
        self._parameters = {name: float(value) for name, value in (parameters or {}).items()}
        for name in self._parameters:
            if name not in known:
                raise ValueError(f"the reward has no parameter {name!r}; it has: {', '.join(known) or 'none'}")
        self._reward = reward
        self._initial = dict(memory or {})
        self._memory: dict[str, Array] = {}
        self._previous: dict[str, Array] = {}
        reads = dict.fromkeys(base_name(name, readers) for name in self._arguments if name != "memory")
        for name in reads:
            if name not in readers:
                raise ValueError(f"the environment has no signal {name!r}; it has: {', '.join(readers)}")
        self._reader = SignalReader(env, {name: readers[name] for name in reads})

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        """Reset the environment, and the reward's memory."""
        self._previous = {}
        self._memory = {name: np.full(1, value, dtype=np.float64) for name, value in self._initial.items()}
        return self.env.reset(**kwargs)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Step the environment and pay the reward.

        Raises:
            ValueError: the reward returned no finite number for its one row.
        """
        observation, _, terminated, truncated, info = self.env.step(action)
        row = self._reader.read(observation, action, bool(terminated), info)
        now = {name: value[np.newaxis] for name, value in row.items()}
        for value in now.values():
            value.flags.writeable = False
        before = self._previous or now
        values: list[Any] = []
        for name in self._arguments:
            if name == "memory":
                values.append(self._memory)
            else:
                values.append(now[name] if name in now else before[name.removeprefix("prev_")])
        total, components = self._reward(*values, **self._parameters)
        self._previous = now
        paid = _number(total, "the total")
        info["reward_components"] = {name: _number(value, f"component {name!r}") for name, value in components.items()}
        return observation, paid, terminated, truncated, info


def base_name(name: str, known: Mapping[str, Any]) -> str:
    """Name the signal that an argument reads: `prev_x` reads `x`, unless there is a signal `prev_x`."""
    return name if name in known else name.removeprefix("prev_")


def _number(value: Any, what: str) -> float:
    array = np.asarray(value, dtype=np.float64)
    if array.shape != (1,) or not np.isfinite(array[0]):
        raise ValueError(f"{what} must be one finite number per row, shape (1,); it is {array!r}")
    return float(array[0])
