"""The DeepMind Control Suite: `gymnasium.make("rewardsmith.environments.dm_control:dm_control/cheetah-run-v0")`.

Importing this module registers `dm_control/<domain>-<task>-v0` for every task of the suite (Tassa et al., 2018). Its
1.0.50 looks for arrays of deformable bodies that MuJoCo 4 has dropped; the suite has no such bodies, so that the names
are taken off its list here.
"""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium
import mujoco
import numpy as np
import numpy.typing as npt

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it looks for a display
    from dm_control import suite
    from dm_control.mujoco.wrapper.mjbindings import sizes
    from dm_control.rl.control import PhysicsError

__all__ = ["Control"]

Floats = npt.NDArray[np.float64]

WIDTH, HEIGHT = 640, 480


class Control(gymnasium.Env[Floats, npt.NDArray[np.float32]]):
    """One task of the suite; its observation is one array, in the order in which the task gives its parts.

    Args:
        domain: Such as `cheetah`.
        task: Such as `run`.
        render_mode: `rgb_array`, or None.
    """

    def __init__(self, domain: str, task: str, render_mode: str | None = None) -> None:
        self.control = suite.load(
            domain, task, task_kwargs={"random": 0}, environment_kwargs={"flat_observation": True}
        )
        self.physics = self.control.physics
        self.dt = float(self.control.control_timestep())
        self.metadata = {"render_modes": ["rgb_array"], "render_fps": round(1 / self.dt)}
        self.render_mode = render_mode
        bounds, seen = self.control.action_spec(), self.control.observation_spec()["observations"]
        self.action_space = gymnasium.spaces.Box(
            bounds.minimum.astype(np.float32), bounds.maximum.astype(np.float32), dtype=np.float32
        )
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, seen.shape, np.float64)

    @property
    def model(self) -> Any:
        """MuJoCo's model."""
        return self.physics.model.ptr

    @property
    def data(self) -> Any:
        """MuJoCo's data."""
        return self.physics.data.ptr

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Floats, dict[str, Any]]:
        """Start an episode; the task draws from a generator of its own, made of the seed."""
        super().reset(seed=seed, options=options)
        if seed is not None:
            self.control.task._random = np.random.RandomState(seed)
        self._seen: Floats = self.control.reset().observation["observations"]
        return self._seen, {}

    def step(self, action: npt.NDArray[np.float32]) -> tuple[Floats, float, bool, bool, dict[str, Any]]:
        """Take one step; an episode ends by itself where the task says so or the simulation becomes unstable.

        Else it ends at the suite's time limit.
        """
        try:
            took = self.control.step(action)
        except PhysicsError:
            return self._seen, 0.0, True, False, {}
        self._seen = took.observation["observations"]
        terminated = took.last() and took.discount == 0
        return self._seen, took.reward, terminated, took.last() and not terminated, {}

    def render(self) -> Any:
        """A picture from the first camera, uint8 of shape (480, 640, 3)."""
        return self.physics.render(HEIGHT, WIDTH, camera_id=0)

    def close(self) -> None:
        """Free the simulation."""
        self.control.close()


for kind, struct in (("mjmodel", mujoco.MjModel), ("mjdata", mujoco.MjData)):
    for name in [name for name in sizes.array_sizes[kind] if not hasattr(struct, name)]:
        del sizes.array_sizes[kind][name]

for domain, task in suite.ALL_TASKS:
    gymnasium.register(
        f"dm_control/{domain}-{task}-v0", entry_point=f"{__name__}:Control", kwargs={"domain": domain, "task": task}
    )
