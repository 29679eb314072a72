"""What a worker needs to use NVIDIA's GPUs: device files, the driver's libraries, and what those read of the kernel."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["PATH", "device_files", "driver_folders", "driver_variables", "kernel_folders"]

PATH = "LD_LIBRARY_PATH"
"""Environment variable that tells the dynamic loader of further folders."""
DEV = Path("/dev")
_FILES = ("nvidia[0-9]*", "nvidiactl", "nvidia-modeset", "nvidia-uvm*", "nvidia-caps", "dxg")
"""`nvidia-caps` is a folder; `dxg` is the way to the GPU below Windows."""
_KERNEL = ("/sys/bus/pci", "/sys/devices", "/sys/dev/char", "/sys/module/nvidia", "/sys/module/nvidia_uvm")
_LIBRARY = "libcuda.so.1"
_FOLDERS = ("/usr/local/nvidia/lib64", "/usr/local/nvidia/lib", "/usr/lib/wsl/lib", "/run/opengl-driver/lib")
"""Where containers, Windows and NixOS put the driver's libraries, beside the system's own folders."""


def device_files() -> list[Path]:
    """The device files of all GPUs, sorted. Which of them a process uses, CUDA_VISIBLE_DEVICES says."""
    return sorted({path for pattern in _FILES for path in DEV.glob(pattern)})


def driver_folders() -> list[Path]:
    """Folders with the driver's libraries that the dynamic loader may not look into by itself."""
    told = os.environ.get(PATH, "").split(":")
    places = dict.fromkeys(Path(name) for name in (*told, *_FOLDERS) if name.startswith("/"))
    return [place for place in places if (place / _LIBRARY).exists()]


def driver_variables() -> dict[str, str]:
    """What tells the dynamic loader of a worker where those are."""
    folders = driver_folders()
    return {PATH: ":".join(map(str, folders))} if folders else {}


def kernel_folders() -> list[Path]:
    """What the driver's libraries read: where the GPUs are on the bus, and which memory is near to them."""
    return [Path(name) for name in _KERNEL if Path(name).is_dir()]
