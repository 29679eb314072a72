"""Reads signals of N worlds on the device: the addresses of `rewardsmith.export.signals`, batched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from rewardsmith.domain.survey import Signal
from rewardsmith.errors import TaskError
from rewardsmith.export.signals import split_index
from rewardsmith.worker.backends.warp.state import State

__all__ = ["WorldReader"]

Read = Callable[[State], Tensor]


class WorldReader:
    """Reads signals of every world after a step.

    Args:
        model: The MjModel.
        signals: What to read, by name.

    Raises:
        TaskError: an address that MuJoCo Warp's worlds do not have.
    """

    def __init__(self, model: Any, signals: Mapping[str, Signal]) -> None:
        self._model = model
        self._reads = {name: self._bind(name, signal.reader) for name, signal in signals.items()}
        self.momentum = any(signal.reader.startswith("model:center_of_mass_velocity") for signal in signals.values())
        """Whether the simulation must keep velocities of subtrees up to date."""

    def read(self, s: State, step: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Every signal, (N, ...), float32 or the step's own type.

        Args:
            s: The worlds, after the step and before any reset.
            step: `observation`, `action`, `terminated`, and `info:KEY` for each entry of `info`.
        """
        rows = {}
        for name, (read, key, index) in self._reads.items():
            value = step[key] if read is None else read(s)
            rows[name] = value if index is None else value.flatten(1)[:, index]
        return rows

    def _bind(self, name: str, address: str) -> tuple[Read | None, str, Any]:
        base, index = split_index(address)
        kind, _, rest = base.partition(":")
        entries = list(index) if isinstance(index, tuple) else index
        if kind in ("observation", "action", "terminated") and not rest:
            return None, kind, entries
        if kind == "info":
            return None, base, entries
        try:
            return self._simulated(kind, rest), "", entries
        except (KeyError, ValueError) as error:
            raise TaskError(f"signal {name!r}: {address!r} cannot be read from MuJoCo Warp") from error

    def _simulated(self, kind: str, rest: str) -> Read:
        part, _, field = rest.rpartition(":")
        if kind in ("qpos", "qvel", "sensordata"):
            return lambda s: getattr(s, kind)
        if kind == "model":
            return _WHOLE[field]
        number = int(part[1:]) if part.startswith("#") else int(getattr(self._model, kind)(part).id)
        if kind == "site":
            return lambda s: s.site_xpos[:, number]
        if kind == "joint":
            return self._joint(number, field)
        return self._body(number, field)

    def _joint(self, number: int, field: str) -> Read:
        if field == "velocity":
            dof = int(self._model.jnt_dofadr[number])
            return lambda s: s.qvel[:, dof]
        if field not in ("angle", "displacement"):
            raise KeyError(field)
        at = int(self._model.jnt_qposadr[number])
        return lambda s: s.qpos[:, at]

    def _body(self, number: int, field: str) -> Read:
        if field == "linear_velocity":
            root = int(self._model.body_rootid[number])

            def velocity(s: State) -> Tensor:
                # `cvel` is taken at the center of mass of the body's tree; the frame's origin turns about it
                arm = s.xpos[:, number] - s.subtree_com[:, root]
                return s.cvel[:, number, 3:] + torch.linalg.cross(s.cvel[:, number, :3], arm)

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
