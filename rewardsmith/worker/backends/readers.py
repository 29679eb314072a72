"""Where the addresses of `rewardsmith.export.signals` lie in the arrays of N worlds, whichever library they are of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Read", "simulated"]

Read = Callable[[Any], Any]
"""Takes a signal of every world, (N, ...), out of what a simulator holds of them, by MuJoCo's names."""


def simulated(model: Any, kind: str, rest: str, cross: Callable[[Any, Any], Any]) -> Read:
    """What reads an address `kind:rest` without index.

    Args:
        model: The MjModel.
        kind: `body`, `joint`, `site`, `sensor`, `model`, or the name of a whole array.
        rest: What follows; empty for a whole array.
        cross: The cross product of two arrays, (N, 3) each.

    Raises:
        KeyError, ValueError: There is no such address.
    """
    part, _, field = rest.rpartition(":")
    if kind in ("qpos", "qvel", "sensordata"):
        return lambda s: getattr(s, kind)
    if kind == "model":
        return _WHOLE[field]
    number = int(part[1:]) if part.startswith("#") else int(getattr(model, kind)(part).id)
    if kind == "site":
        return lambda s: s.site_xpos[:, number]
    if kind == "joint":
        return _joint(model, number, field)
    if kind == "sensor":
        return _sensor(model, number)
    return _body(model, number, field, cross)


def _joint(model: Any, number: int, field: str) -> Read:
    if field == "velocity":
        dof = int(model.jnt_dofadr[number])
        return lambda s: s.qvel[:, dof]
    if field not in ("angle", "displacement"):
        raise KeyError(field)
    at = int(model.jnt_qposadr[number])
    return lambda s: s.qpos[:, at]


def _sensor(model: Any, number: int) -> Read:
    start, size = int(model.sensor_adr[number]), int(model.sensor_dim[number])
    if size == 1:
        return lambda s: s.sensordata[:, start]
    return lambda s: s.sensordata[:, start : start + size]


def _body(model: Any, number: int, field: str, cross: Callable[[Any, Any], Any]) -> Read:
    if field == "linear_velocity":
        root = int(model.body_rootid[number])

        def velocity(s: Any) -> Any:
            # `cvel` is taken at the center of mass of the body's tree; the frame's origin turns about it
            arm = s.xpos[:, number] - s.subtree_com[:, root]
            return s.cvel[:, number, 3:] + cross(s.cvel[:, number, :3], arm)

        return velocity
    reads: dict[str, Read] = {
        "position": lambda s: s.xpos[:, number],
        "quaternion": lambda s: s.xquat[:, number],
        "up": lambda s: s.xmat[:, number, :, 2],
        "contact_force": lambda s: s.cfrc_ext[:, number, 3:],
        "angular_velocity": lambda s: s.cvel[:, number, :3],
    }
    return reads[field]


_WHOLE: dict[str, Read] = {
    "center_of_mass": lambda s: s.subtree_com[:, 0],
    "center_of_mass_velocity": lambda s: s.subtree_linvel[:, 0],
    "actuator_force": lambda s: s.actuator_force,
}
