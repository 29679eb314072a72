"""What a survey asks about an environment beside stepping it, wherever the environment runs."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import gymnasium
import numpy as np

from rewardsmith.export.discovery import FoundSignal, NamedData, discover
from rewardsmith.export.signals import mujoco_model
from rewardsmith.worker.backends.foreign.environment import ForeignEnvironment
from rewardsmith.worker.origins import origins
from rewardsmith.worker.view import View, without_reward

__all__ = ["Insight", "insight"]


class Insight(Protocol):
    """Knows one environment from the inside."""

    def signals(self, specs: Mapping[str, NamedData], info: Mapping[str, Any]) -> dict[str, FoundSignal]:
        """See `rewardsmith.export.discovery.discover`."""
        ...

    def view(self, info: Iterable[str]) -> View:
        """See `rewardsmith.worker.view.without_reward`."""
        ...

    def versions(self) -> dict[str, str]:
        """Versions of Python, of the simulator and of its libraries."""
        ...

    def origins(self) -> dict[str, str]:
        """See `rewardsmith.worker.origins.origins`."""
        ...


def insight(env: gymnasium.Env[Any, Any]) -> Insight:
    """Who knows this environment."""
    inner = env.unwrapped
    return inner if isinstance(inner, ForeignEnvironment) else _Here(env)


class _Here:
    """An environment of this process."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        self._env = env

    def signals(self, specs: Mapping[str, NamedData], info: Mapping[str, Any]) -> dict[str, FoundSignal]:
        return discover(self._env, specs, info=info)

    def view(self, info: Iterable[str]) -> View:
        return without_reward(self._env, info)

    def versions(self) -> dict[str, str]:
        versions = {"python": platform.python_version(), "numpy": np.__version__, "gymnasium": gymnasium.__version__}
        if mujoco_model(self._env.unwrapped) is not None:
            import mujoco

            versions["mujoco"] = mujoco.__version__
        return versions

    def origins(self) -> dict[str, str]:
        return origins(self._env)
