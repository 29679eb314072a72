"""The job `check`: what is there where workers run, and what can be reached from there."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from rewardsmith.domain.check import CheckJob, WorkerCheck
from rewardsmith.domain.job import RewardLimits
from rewardsmith.errors import InfrastructureError, one_line
from rewardsmith.reward import attacks
from rewardsmith.reward.trial import attack_locked

__all__ = ["run"]

MODULES = {
    "numpy": "numpy",
    "gymnasium": "gymnasium",
    "mujoco": "mujoco",
    "torch": "torch",
    "stable-baselines3": "stable_baselines3",
    "sb3-contrib": "sb3_contrib",
    "safetensors": "safetensors.numpy",
    "tensorboard": "torch.utils.tensorboard",
}
"""Package -> module that trainings load."""


def run(job: CheckJob, out: Path) -> None:
    """Write `check.json`; once before it draws, since a broken driver may end the process, and once after."""
    canaries, unlocked, locked = job.canaries, "", {}
    reached = attacks.attempt(canaries.file, canaries.port, canaries.variable, forks=False)
    limits = RewardLimits(memory_mib=job.memory_mib, unsafe=job.unsafe)
    try:
        locked = attack_locked(job.reward_canaries, limits=limits, namespaces=False)
    except InfrastructureError as error:
        unlocked = error.message
    faults = {name: said for name, module in MODULES.items() if (said := _said(import_module, module))}
    found = WorkerCheck(
        python=platform.python_version(),
        versions=_versions(),
        faults=faults,
        gpus=() if "torch" in faults else _gpus(),
        renderer=os.environ.get("MUJOCO_GL", ""),
        drawing="MuJoCo could not be asked" if "mujoco" in faults else "the process ended while MuJoCo drew",
        reached=reached,
        reward_reached=locked,
        unlocked=unlocked,
    )
    _write(found, out)
    if "mujoco" not in faults:
        said = _said(_draw)
        _write(found.model_copy(update={"draws": not said, "drawing": said}), out)


def _write(found: WorkerCheck, out: Path) -> None:
    part = out / "check.json.part"
    part.write_text(found.model_dump_json())
    part.replace(out / "check.json")


def _versions() -> dict[str, str]:
    found = {}
    for name in MODULES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _said(act: Callable[..., object], *arguments: str) -> str:
    """What `act` raises, in a line; empty where it does nothing of the kind."""
    try:
        act(*arguments)
    except Exception as error:  # a package or a driver may raise anything
        return one_line(f"{type(error).__name__}: {error}") or type(error).__name__
    return ""


def _gpus() -> tuple[str, ...]:
    import torch

    return tuple(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))


def _draw() -> None:
    """Draw one small picture of a sphere."""
    import mujoco

    model: Any = mujoco.MjModel.from_xml_string("<mujoco><worldbody><geom size='1'/></worldbody></mujoco>")
    renderer: Any = mujoco.Renderer(model, 16, 16)
    data: Any = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    renderer.update_scene(data)
    renderer.render()
    renderer.close()
