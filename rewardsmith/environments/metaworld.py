"""Meta-World's tasks: `gymnasium.make("rewardsmith.environments.metaworld:MetaWorld/drawer-open")`.

Importing this module registers `MetaWorld/<task>` for all fifty. It runs in an interpreter of its own, since Meta-World
3.1.1 wants MuJoCo 3.3.0: numpy, gymnasium and metaworld only. Goals and objects are drawn anew in every episode, by
the seed of its reset, and the goal can be seen.
"""

from __future__ import annotations

from typing import Any

import gymnasium
from metaworld.env_dict import ALL_V3_ENVIRONMENTS

__all__ = ["Seeded", "make"]


class Seeded(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Draws from a generator that the reset's seed makes; Meta-World itself passes that seed over.

    Its `info` is empty: all that Meta-World puts there comes out of the computation of its reward.
    """

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode."""
        if seed is not None:
            self.unwrapped.seed(seed)  # type: ignore[attr-defined]
        return self.env.reset(options=options)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Take one step."""
        return (*self.env.step(action)[:4], {})


def make(task: str, render_mode: str | None = None) -> gymnasium.Env[Any, Any]:
    """Make one task, such as `drawer-open`."""
    env = ALL_V3_ENVIRONMENTS[f"{task}-v3"](render_mode=render_mode)
    env._freeze_rand_vec, env.seeded_rand_vec = False, True
    env._set_task_called, env._partially_observable = True, False
    vars(env).pop("sawyer_observation_space", None)
    env.seed(0)
    return Seeded(env)


for _name in ALL_V3_ENVIRONMENTS:
    _task = _name.removesuffix("-v3")
    gymnasium.register(f"MetaWorld/{_task}", entry_point=f"{__name__}:make", kwargs={"task": _task})
