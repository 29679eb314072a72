"""Worlds as a vector environment of Stable-Baselines3."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
from stable_baselines3.common.vec_env.base_vec_env import VecEnv, VecEnvIndices, VecEnvObs, VecEnvStepReturn

from rewardsmith.worker.backends.worlds import Worlds

__all__ = ["WorldsVecEnv"]


class WorldsVecEnv(VecEnv):
    """Steps worlds, which record what happens.

    The rewards that it returns are zeros: the buffers ask for the real ones once per rollout.
    """

    def __init__(self, worlds: Worlds) -> None:
        self.worlds = worlds
        super().__init__(worlds.count, worlds.observation_space, worlds.action_space)
        self._actions: npt.NDArray[Any] = np.zeros(0)

    def reset(self) -> VecEnvObs:
        """Start an episode in every world, with the seeds set by `seed()`."""
        observations = self.worlds.reset(self._seeds)
        self._reset_seeds()
        self._reset_options()
        return observations  # type: ignore[no-any-return]

    def step_async(self, actions: npt.NDArray[Any]) -> None:
        """Keep the actions for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Step every world and reset those whose episode has ended."""
        stepped = self.worlds.step(self._actions)
        infos: list[dict[str, Any]] = [{}] * self.num_envs
        for i, observation in stepped.last.items():
            cut = bool(stepped.truncated[i] and not stepped.terminated[i])
            infos[i] = {"terminal_observation": observation, "TimeLimit.truncated": cut}
        ended = stepped.terminated | stepped.truncated
        return stepped.observations, np.zeros(self.num_envs, dtype=np.float32), ended, infos

    def close(self) -> None:
        """End the simulation."""
        self.worlds.close()

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[None]:
        """Worlds need not be objects of their own: nothing is rendered, and they have no other attribute."""
        if attr_name != "render_mode":
            raise AttributeError(f"worlds have no attribute {attr_name!r}")
        return [None for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> NoReturn:  # noqa: ARG002 - SB3's
        """See `get_attr`."""
        raise AttributeError(f"worlds have no attribute {attr_name!r}")

    def env_method(self, method_name: str, *_: Any, **__: Any) -> NoReturn:
        """See `get_attr`."""
        raise AttributeError(f"worlds have no method {method_name!r}")

    def env_is_wrapped(self, wrapper_class: type[Any], indices: VecEnvIndices = None) -> list[bool]:  # noqa: ARG002 - SB3's
        """No world is wrapped in anything of Stable-Baselines3."""
        return [False for _ in self._get_indices(indices)]
