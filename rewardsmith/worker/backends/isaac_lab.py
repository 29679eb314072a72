"""Tasks of Isaac Lab, direct or manager-based. Far side: Isaac Sim's Python with Isaac Lab; its app runs headless.

Isaac Lab resets a world within the step that ends its episode; signals and the last observation are read just before.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from isaaclab.app import AppLauncher

from rewardsmith.worker.backends.foreign.channel import Fault
from rewardsmith.worker.backends.foreign.recording import Shared
from rewardsmith.worker.backends.foreign.spaces import describe
from rewardsmith.worker.backends.tensors import (
    LEAST_WORLDS,
    Quantity,
    TensorTask,
    choose_device,
    is_rows,
    own_tensors,
    seed_all,
)

if TYPE_CHECKING:
    from isaaclab.envs import DirectRLEnv

__all__ = ["IsaacLabTask"]

FIELDS = {
    "root_pos_w": ("m", "position of the root of {0}, in the one world that holds all"),
    "root_quat_w": ("", "orientation of the root of {0} as (w, x, y, z)"),
    "root_lin_vel_w": ("m/s", "linear velocity of the root of {0}, world axes"),
    "root_ang_vel_w": ("rad/s", "angular velocity of the root of {0}, world axes"),
    "root_lin_vel_b": ("m/s", "linear velocity of the root of {0}, its own axes"),
    "root_ang_vel_b": ("rad/s", "angular velocity of the root of {0}, its own axes"),
    "projected_gravity_b": ("", "direction of gravity in the axes of {0}'s root; (0, 0, -1) is upright"),
    "joint_pos": ("rad or m", "positions of the joints of {0}"),
    "joint_vel": ("rad/s or m/s", "velocities of the joints of {0}"),
    "applied_torque": ("N m or N", "torques of the joints of {0}"),
    "body_pos_w": ("m", "positions of the bodies of {0}, in the one world that holds all"),
    "body_quat_w": ("", "orientations of the bodies of {0} as (w, x, y, z)"),
    "body_lin_vel_w": ("m/s", "linear velocities of the bodies of {0}, world axes"),
    "net_forces_w": ("N", "contact forces on the bodies of {0}, world axes"),
}
"""Data of assets and sensors: unit, and meaning."""
FULL = 1.0
"""Bound of an action that Isaac Lab leaves unbounded; Stable-Baselines3 wants one."""


class IsaacLabTask(TensorTask):
    """One task, headless, its worlds on one device."""

    base = "isaaclab.envs"

    def open(
        self,
        *,
        id: str,  # noqa: A002 - as in the task file
        kwargs: dict[str, Any],
        horizon: int,
        count: int,
        specs: dict[str, Any],
        **_: Any,
    ) -> dict[str, Any]:
        """Start the app, make the task, and tell what is there. `kwargs` change its configuration: `sim.dt`."""
        device = choose_device()
        del sys.argv[1:]  # the app takes what is left of them for its own
        self._app = AppLauncher(headless=True, device=device).app
        import gymnasium  # after the app has started, as all that follows
        import isaaclab_tasks
        from isaaclab_tasks.utils import parse_env_cfg

        if id not in gymnasium.registry:
            known = sorted(name for name in gymnasium.registry if name.startswith("Isaac-"))
            raise Fault(f"{isaaclab_tasks.__name__} registers no {id!r}", "its tasks: " + ", ".join(known))
        worlds = max(count, LEAST_WORLDS)
        config = parse_env_cfg(id, device=device, num_envs=worlds)
        config.seed = 0
        for name, value in kwargs.items():
            _set(config, name, value)
        config.episode_length_s = _seconds(config, horizon)
        self._env = env = cast("DirectRLEnv", gymnasium.make(id, cfg=config).unwrapped)
        self._worlds = worlds
        spaces = describe(env.single_observation_space["policy"]), describe(_bounded(env.single_action_space))
        self.shared = Shared(self._memory, count, *spaces)
        observations, _extras = env.reset(seed=0)
        self._remember(observations["policy"], torch.zeros(worlds, *spaces[1]["shape"], device=env.device))
        signals = self._found(env, _quantities(env, worlds, id), specs, spaces, f"{id} of Isaac Lab")
        self._before_reset = env._reset_idx
        env._reset_idx = self._reset_some  # type: ignore[method-assign,assignment]
        self._ended: list[Any] = []
        return {
            "observation_space": spaces[0],
            "action_space": spaces[1],
            "signals": signals,
            "dt": float(env.step_dt),
            "fps": None,
            "versions": _versions(),
        }

    def reset(self, *, seeds: Sequence[int | None]) -> None:
        """Start an episode in all worlds; the seeds together seed the generators."""
        seed_all(seeds)
        observations, _ = self._env.reset()
        self._ended.clear()
        self._remember(observations["policy"], torch.zeros_like(self.latest["action"]))
        self.shared.put("observation", slice(None), observations["policy"][: self.shared.count].cpu().numpy())

    def step(self, *, resets: bool) -> dict[str, Any]:
        """Step all worlds."""
        arrays, count = self.shared.arrays, self.shared.count
        actions = torch.zeros_like(self.latest["action"])
        actions[:count] = torch.from_numpy(arrays["action"].copy()).to(actions.device)
        self.latest["action"] = actions
        self._ended.clear()
        observations, rewards, terminated, truncated, _ = self._env.step(actions)
        seen = observations["policy"]
        self._remember(seen, actions, terminated)
        table, last = self._rows(), seen.clone()
        for ids, rows, observation in self._ended:
            table[ids], last[ids] = rows, observation
        self._spread(table)
        arrays["terminated"][:] = terminated[:count].cpu().numpy()
        arrays["truncated"][:] = (truncated & ~terminated)[:count].cpu().numpy()
        arrays["stock"][:] = rewards[:count].cpu().numpy()
        self.shared.put("observation", slice(None), (seen if resets else last)[:count].cpu().numpy())
        self.shared.put("last", slice(None), last[:count].cpu().numpy())
        ended = arrays["terminated"] | arrays["truncated"]
        return {"ended": np.flatnonzero(ended).tolist() if resets else []}

    def _remember(self, seen: Any, actions: Any, terminated: Any = None) -> None:
        ended = torch.zeros(self._worlds, dtype=torch.bool, device=seen.device) if terminated is None else terminated
        self.latest.update(observation=seen, action=actions, terminated=ended)

    def _reset_some(self, ids: Any) -> None:
        """In place of the task's `_reset_idx`: keep what these worlds are like before they are reset.

        Many tasks give all worlds random ages when all are reset at once; episodes would end before their horizon.
        """
        env = self._env
        managed = getattr(env, "observation_manager", None)
        observation = (managed.compute() if managed is not None else env._get_observations())["policy"]
        self.latest.update(observation=observation, terminated=env.reset_terminated)
        self._ended.append((ids, self._rows(ids), observation[ids].clone()))
        self._before_reset(ids)
        env.episode_length_buf[ids] = 0

    def view(self) -> dict[str, Any]:
        """The sources of the task's classes, and the observation's terms where managers compute it."""
        managed = getattr(self._env, "observation_manager", None)
        terms = [] if managed is None else [str(name) for name in managed.active_terms["policy"]]
        return {**super().view(), "terms": terms}


def _quantities(env: Any, worlds: int, what: str) -> dict[str, Quantity]:
    """The task's own tensors, the data of its assets and sensors, and its commands."""
    found = own_tensors(env, worlds, f"task {what}")
    groups = [getattr(env.scene, group, {}) for group in ("articulations", "rigid_objects", "sensors")]
    for name, asset in (pair for group in groups for pair in group.items()):
        joints = ", ".join(getattr(asset, "joint_names", []))
        bodies = ", ".join(getattr(asset, "body_names", []))
        for field, (unit, meaning) in FIELDS.items():
            if is_rows(getattr(asset.data, field, None), worlds):
                parts = joints if field.startswith(("joint", "applied")) else bodies if "bodies" in meaning else ""
                said = meaning.format(name) + (f": {parts}" if parts else "")
                found[f"{name}_{field}"] = Quantity(_reader(asset.data, field), unit, said)
    commands = getattr(env, "command_manager", None)
    for name in getattr(commands, "active_terms", []):
        found[f"command_{name}"] = Quantity(_command(commands, name), "", f"command {name!r} that is to be followed")
    return found


def _seconds(config: Any, horizon: int) -> float:
    """Length for which episodes are `horizon` steps: direct tasks cut one step before it, managers at it."""
    steps = horizon - 0.5 if hasattr(config, "terminations") else horizon + 0.5
    return float(steps * config.decimation * config.sim.dt)


def _reader(data: Any, field: str) -> Any:
    return lambda: getattr(data, field)


def _command(commands: Any, name: str) -> Any:
    return lambda: commands.get_command(name)


def _set(config: Any, name: str, value: Any) -> None:
    """Set `a.b.c` of a configuration. Raises Fault for one that is not there."""
    *path, last = name.split(".")
    for part in path:
        config = getattr(config, part, None)
    if config is None or not hasattr(config, last):
        raise Fault(f"the task's configuration has no {name!r}", "correct environment.kwargs in task.toml")
    setattr(config, last, value)


def _bounded(space: Any) -> Any:
    """The space with finite bounds."""
    from gymnasium import spaces

    low, high = np.where(np.isfinite(space.low), space.low, -FULL), np.where(np.isfinite(space.high), space.high, FULL)
    return spaces.Box(low.astype(np.float32), high.astype(np.float32), dtype=np.float32)


def _versions() -> dict[str, str]:
    from importlib import metadata

    found = {"torch": str(torch.__version__)}
    for name in ("isaacsim", "isaaclab"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
