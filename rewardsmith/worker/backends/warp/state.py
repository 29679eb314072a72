"""What a simulator holds of N worlds, as tensors: views of MuJoCo Warp's arrays, or of one MjData."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

__all__ = ["State", "of_host"]


@dataclass(frozen=True)
class State:
    """MuJoCo's own names and shapes, each with the worlds in front."""

    qpos: Tensor
    qvel: Tensor
    ctrl: Tensor
    xpos: Tensor
    xquat: Tensor
    xmat: Tensor
    """(N, nbody, 3, 3)."""
    xipos: Tensor
    site_xpos: Tensor
    cvel: Tensor
    cinert: Tensor
    cfrc_ext: Tensor
    subtree_com: Tensor
    subtree_linvel: Tensor
    actuator_force: Tensor
    qfrc_actuator: Tensor
    qfrc_constraint: Tensor
    sensordata: Tensor
    ten_length: Tensor
    ten_velocity: Tensor

    @staticmethod
    def names() -> Iterable[str]:
        """Every field."""
        return (field.name for field in fields(State))


def of_host(data: Any) -> State:
    """Views of an MjData as of one world."""
    held = {name: torch.from_numpy(getattr(data, name))[None] for name in State.names() if name != "xmat"}
    return State(**held, xmat=torch.from_numpy(data.xmat).view(1, -1, 3, 3))
