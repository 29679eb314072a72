"""rewardsmith itself, optional packages, the Docker engine, and the GPU."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from functools import partial
from importlib import metadata

from rewardsmith import __version__
from rewardsmith.diagnosis.checks import check
from rewardsmith.domain.check import WorkerCheck
from rewardsmith.domain.machine import MachineCheck
from rewardsmith.errors import MissingExtra, one_line

GROUP = "Software"
EXTRAS = {"openai": "openai", "litellm": "litellm", "imageio": "video", "docker": "docker"}
"""Optional package -> extra that brings it."""
_QUERY = ("--query-gpu=name,memory.total,driver_version", "--format=csv,noheader")
_PATIENCE_S = 10


def look_at_software() -> list[MachineCheck]:
    """Versions."""
    own = f"{__version__}, Python {platform.python_version()}, {os.cpu_count()} cores"
    optional = [check(GROUP, name, partial(_version, name), needed=False) for name in EXTRAS]
    return [MachineCheck(group=GROUP, name="rewardsmith", ok=True, needed=True, detail=own), *optional]


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        raise MissingExtra("not installed", hint=f"pip install 'rewardsmith[{EXTRAS[name]}]'") from None


def find_gpus() -> tuple[str, ...]:
    """What nvidia-smi lists: name, memory, driver. Empty where there is none."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return ()
    try:
        asked = subprocess.run([command, *_QUERY], capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(one_line(line) for line in asked.stdout.splitlines() if line.strip()) if asked.returncode == 0 else ()


def gpu(listed: tuple[str, ...], worker: WorkerCheck | None) -> MachineCheck:
    """What this machine has, and what torch sees of it in a worker. Trainings use the CPU without --backend."""
    seen = "unknown" if worker is None else ", ".join(worker.gpus) or "none"
    here = "; ".join(listed) or "none seen (nvidia-smi)"
    detail = f"{here}; a worker sees {seen}; trainings use the CPU without --backend"
    return MachineCheck(group=GROUP, name="GPU", ok=bool(listed), needed=False, detail=detail)
