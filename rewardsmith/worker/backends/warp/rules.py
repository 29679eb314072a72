"""What Gymnasium's MuJoCo classes compute from the simulator's state, for N worlds at once.

Every number is read from the constructed environment: ranges, noise, weights, what observations leave out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from rewardsmith.worker.backends.warp.state import State

__all__ = ["RULES", "Rules", "rules_of"]


class Rules(Protocol):
    """One class of environments; every tensor has the worlds in front."""

    def mark(self, s: State) -> Tensor:
        """(N, k): what the next step's velocities are measured from."""

    def observe(self, s: State) -> Tensor:
        """(N, n): observations after a step."""

    def terminated(self, s: State) -> Tensor:
        """(N,) bool."""

    def info(self, s: State, before: Tensor) -> dict[str, Tensor]:
        """Entries of `info` that no reward computed."""

    def stock(self, s: State, action: Tensor, info: Mapping[str, Tensor], terminated: Tensor) -> Tensor:
        """(N,): the environment's own reward."""


class _Rules:
    """What most classes share: no mark, nothing to tell, never terminated."""

    def __init__(self, env: Any) -> None:
        self.env = env
        self.dt = float(env.dt)

    def mark(self, s: State) -> Tensor:
        return s.qpos[:, :0]

    def terminated(self, s: State) -> Tensor:
        return torch.zeros(len(s.qpos), dtype=torch.bool, device=s.qpos.device)

    def info(self, s: State, before: Tensor) -> dict[str, Tensor]:  # noqa: ARG002 - the seam's signature
        return {}

    def body(self, s: State, name: str) -> Tensor:
        """(N, 3): where a body is."""
        return s.xpos[:, int(self.env.model.body(name).id)]

    def effort(self, action: Tensor) -> Tensor:
        return self.env._ctrl_cost_weight * action.square().sum(dim=1)


class _Planar(_Rules):
    """HalfCheetah: runs along x."""

    def mark(self, s: State) -> Tensor:
        return s.qpos[:, :1]

    def observe(self, s: State) -> Tensor:
        skipped = 1 if self.env._exclude_current_positions_from_observation else 0
        return torch.cat((s.qpos[:, skipped:], self.speeds(s)), dim=1)

    def speeds(self, s: State) -> Tensor:
        return s.qvel

    def info(self, s: State, before: Tensor) -> dict[str, Tensor]:
        x = s.qpos[:, 0]
        return {"x_position": x, "x_velocity": (x - before[:, 0]) / self.dt}

    def stock(self, s: State, action: Tensor, info: Mapping[str, Tensor], terminated: Tensor) -> Tensor:  # noqa: ARG002
        return self.env._forward_reward_weight * info["x_velocity"] - self.effort(action)


class _Upright(_Planar):
    """Walker2d, and Hopper, which has a range for every number of its state too."""

    def speeds(self, s: State) -> Tensor:
        return s.qvel.clamp(-10.0, 10.0)

    def healthy(self, s: State) -> Tensor:
        env = self.env
        healthy = _inside(s.qpos[:, 1], env._healthy_z_range) & _inside(s.qpos[:, 2], env._healthy_angle_range)
        if hasattr(env, "_healthy_state_range"):
            rest = torch.cat((s.qpos[:, 2:], s.qvel), dim=1)
            healthy &= _inside(rest, env._healthy_state_range).all(dim=1)
        return healthy

    def terminated(self, s: State) -> Tensor:
        return ~self.healthy(s) if self.env._terminate_when_unhealthy else super().terminated(s)

    def info(self, s: State, before: Tensor) -> dict[str, Tensor]:
        return super().info(s, before) | {"z_distance_from_origin": s.qpos[:, 1] - float(self.env.init_qpos[1])}

    def stock(self, s: State, action: Tensor, info: Mapping[str, Tensor], terminated: Tensor) -> Tensor:
        alive = self.healthy(s) * self.env._healthy_reward
        return super().stock(s, action, info, terminated) + alive


class _Plane(_Rules):
    """What moves over a plane: Swimmer."""

    def mark(self, s: State) -> Tensor:
        return s.qpos[:, :2]

    def observe(self, s: State) -> Tensor:
        skipped = 2 if self.env._exclude_current_positions_from_observation else 0
        return torch.cat((s.qpos[:, skipped:], s.qvel, *self.further(s)), dim=1)

    def further(self, s: State) -> list[Tensor]:  # noqa: ARG002 - the seam's signature
        return []

    def info(self, s: State, before: Tensor) -> dict[str, Tensor]:
        place, velocity = s.qpos[:, :2], (self.mark(s) - before) / self.dt
        return {
            "x_position": place[:, 0],
            "y_position": place[:, 1],
            "distance_from_origin": place.norm(dim=1),
            "x_velocity": velocity[:, 0],
            "y_velocity": velocity[:, 1],
        }

    def stock(self, s: State, action: Tensor, info: Mapping[str, Tensor], terminated: Tensor) -> Tensor:  # noqa: ARG002
        return self.env._forward_reward_weight * info["x_velocity"] - self.effort(action)


class _Ant(_Plane):
    def mark(self, s: State) -> Tensor:
        return s.xpos[:, int(self.env.model.body(self.env._main_body).id), :2]

    def contacts(self, s: State) -> Tensor:
        return s.cfrc_ext.clamp(*self.env._contact_force_range)

    def further(self, s: State) -> list[Tensor]:
        return [self.contacts(s)[:, 1:].flatten(1)] if self.env._include_cfrc_ext_in_observation else []

    def healthy(self, s: State) -> Tensor:
        low, high = self.env._healthy_z_range
        return (s.qpos[:, 2] >= low) & (s.qpos[:, 2] <= high)

    def terminated(self, s: State) -> Tensor:
        return ~self.healthy(s) if self.env._terminate_when_unhealthy else super().terminated(s)

    def stock(self, s: State, action: Tensor, info: Mapping[str, Tensor], terminated: Tensor) -> Tensor:
        pressed = self.env._contact_cost_weight * self.contacts(s).square().sum(dim=(1, 2))
        alive = self.healthy(s) * self.env._healthy_reward
        return super().stock(s, action, info, terminated) + alive - pressed


class _Humanoid(_Plane):
    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self._share = torch.from_numpy(env.model.body_mass / env.model.body_mass.sum())

    def mark(self, s: State) -> Tensor:
        return torch.einsum("b,nbj->nj", self._share.to(s.xipos), s.xipos)[:, :2]

    def further(self, s: State) -> list[Tensor]:
        env = self.env
        parts = (
            (env._include_cinert_in_observation, s.cinert[:, 1:].flatten(1)),
            (env._include_cvel_in_observation, s.cvel[:, 1:].flatten(1)),
            (env._include_qfrc_actuator_in_observation, s.qfrc_actuator[:, 6:]),
            (env._include_cfrc_ext_in_observation, s.cfrc_ext[:, 1:].flatten(1)),
        )
        return [part for wanted, part in parts if wanted]

    def healthy(self, s: State) -> Tensor:
        return _inside(s.qpos[:, 2], self.env._healthy_z_range)

    def terminated(self, s: State) -> Tensor:
        return ~self.healthy(s) if self.env._terminate_when_unhealthy else super().terminated(s)

    def info(self, s: State, before: Tensor) -> dict[str, Tensor]:
        return super().info(s, before) | {"tendon_length": s.ten_length, "tendon_velocity": s.ten_velocity}

    def stock(self, s: State, action: Tensor, info: Mapping[str, Tensor], terminated: Tensor) -> Tensor:
        pressed = self.env._contact_cost_weight * s.cfrc_ext.square().sum(dim=(1, 2))
        alive = self.healthy(s) * self.env._healthy_reward
        return super().stock(s, action, info, terminated) + alive - pressed.clamp(*self.env._contact_cost_range)


class _Standup(_Humanoid):
    def terminated(self, s: State) -> Tensor:
        return _Rules.terminated(self, s)

    def info(self, s: State, before: Tensor) -> dict[str, Tensor]:
        told = super().info(s, before)
        rise = {"z_distance_from_origin": s.qpos[:, 2] - float(self.env.init_qpos[2])}
        return {key: told[key] for key in ("x_position", "y_position", "tendon_length", "tendon_velocity")} | rise

    def stock(self, s: State, action: Tensor, info: Mapping[str, Tensor], terminated: Tensor) -> Tensor:  # noqa: ARG002
        up = s.qpos[:, 2] / float(self.env.model.opt.timestep)
        pressed = self.env._impact_cost_weight * s.cfrc_ext.square().sum(dim=(1, 2))
        return up - self.effort(action) - pressed.clamp(*self.env._impact_cost_range) + 1.0


class _Reacher(_Rules):
    def gap(self, s: State) -> Tensor:
        return self.body(s, "fingertip") - self.body(s, "target")

    def observe(self, s: State) -> Tensor:
        theta = s.qpos[:, :2]
        return torch.cat((theta.cos(), theta.sin(), s.qpos[:, 2:], s.qvel[:, :2], self.gap(s)[:, :2]), dim=1)

    def stock(self, s: State, action: Tensor, info: Mapping[str, Tensor], terminated: Tensor) -> Tensor:  # noqa: ARG002
        effort = self.env._reward_control_weight * action.square().sum(dim=1)
        return -self.env._reward_dist_weight * self.gap(s).norm(dim=1) - effort


class _Pusher(_Rules):
    def observe(self, s: State) -> Tensor:
        bodies = (self.body(s, name) for name in ("tips_arm", "object", "goal"))
        return torch.cat((s.qpos[:, :7], s.qvel[:, :7], *bodies), dim=1)

    def stock(self, s: State, action: Tensor, info: Mapping[str, Tensor], terminated: Tensor) -> Tensor:  # noqa: ARG002
        tip, thing, goal = (self.body(s, name) for name in ("tips_arm", "object", "goal"))
        near = self.env._reward_near_weight * (thing - tip).norm(dim=1)
        far = self.env._reward_dist_weight * (thing - goal).norm(dim=1)
        return -near - far - self.env._reward_control_weight * action.square().sum(dim=1)


class _Pendulum(_Rules):
    def observe(self, s: State) -> Tensor:
        return torch.cat((s.qpos, s.qvel), dim=1)

    def terminated(self, s: State) -> Tensor:
        return s.qpos[:, 1].abs() > 0.2

    def stock(self, s: State, action: Tensor, info: Mapping[str, Tensor], terminated: Tensor) -> Tensor:  # noqa: ARG002
        return (~terminated).to(s.qpos)


class _DoublePendulum(_Rules):
    def observe(self, s: State) -> Tensor:
        poles = s.qpos[:, 1:]
        held = s.qfrc_constraint[:, :1].clamp(-10.0, 10.0)
        return torch.cat((s.qpos[:, :1], poles.sin(), poles.cos(), s.qvel.clamp(-10.0, 10.0), held), dim=1)

    def terminated(self, s: State) -> Tensor:
        return s.site_xpos[:, 0, 2] <= 1.0

    def stock(self, s: State, action: Tensor, info: Mapping[str, Tensor], terminated: Tensor) -> Tensor:  # noqa: ARG002
        x, y = s.site_xpos[:, 0, 0], s.site_xpos[:, 0, 2]
        away = 0.01 * x.square() + (y - 2.0).square()
        swing = 1e-3 * s.qvel[:, 1].square() + 5e-3 * s.qvel[:, 2].square()
        return (~terminated) * self.env._healthy_reward - away - swing


RULES: dict[str, type[Rules]] = {
    "AntEnv": _Ant,
    "HalfCheetahEnv": _Planar,
    "HopperEnv": _Upright,
    "HumanoidEnv": _Humanoid,
    "HumanoidStandupEnv": _Standup,
    "InvertedDoublePendulumEnv": _DoublePendulum,
    "InvertedPendulumEnv": _Pendulum,
    "PusherEnv": _Pusher,
    "ReacherEnv": _Reacher,
    "SwimmerEnv": _Plane,
    "Walker2dEnv": _Upright,
}
"""By class of `gymnasium.envs.mujoco.*_v5`."""


def rules_of(env: Any) -> Rules | None:
    """The rules of an environment, without its wrappers; None where there are none."""
    kind = type(env)
    if not (kind.__module__.startswith("gymnasium.envs.mujoco.") and kind.__module__.endswith("_v5")):
        return None
    found = RULES.get(kind.__name__)
    return None if found is None else found(env)  # type: ignore[call-arg]


def _inside(values: Tensor, bounds: tuple[float, float]) -> Tensor:
    low, high = bounds
    above = values > low if math.isfinite(low) else ~values.isnan()
    return above & (values < high if math.isfinite(high) else ~values.isnan())
