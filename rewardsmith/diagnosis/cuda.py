"""What CUDA says of this machine, asked in a process of its own: no driver is loaded into this one."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from rewardsmith.errors import one_line
from rewardsmith.sandboxes.gpus import PATH, driver_folders

__all__ = ["Cuda", "ask_cuda", "torch_cuda"]

_PATIENCE_S = 60
_ASK = """
import ctypes, json
told = {"gpus": [], "version": 0, "fault": ""}
try:
    cuda = ctypes.CDLL("libcuda.so.1")
except OSError as error:
    told["fault"] = "no driver (libcuda.so.1) is found"
else:
    number, text = ctypes.c_int(), ctypes.c_char_p()
    code = cuda.cuInit(0)
    if code:
        cuda.cuGetErrorString(code, ctypes.byref(text))
        told["fault"] = "cuInit says {} ({})".format(code, (text.value or b"unknown").decode())
    elif not cuda.cuDeviceGetCount(ctypes.byref(number)):
        for at in range(number.value):
            name = ctypes.create_string_buffer(100)
            cuda.cuDeviceGetName(name, 100, at)
            told["gpus"].append(name.value.decode())
        cuda.cuDriverGetVersion(ctypes.byref(number))
        told["version"] = number.value // 1000
print(json.dumps(told))
"""


@dataclass(frozen=True)
class Cuda:
    """What the driver says."""

    gpus: tuple[str, ...] = ()
    """Names of the GPUs that CUDA_VISIBLE_DEVICES leaves."""
    version: int = 0
    """Newest CUDA that the driver serves, such as 13."""
    fault: str = ""
    """Why there is no GPU; empty where there is one, or none is connected."""


def ask_cuda() -> Cuda:
    """Ask the driver; about 30 ms without a GPU, up to some seconds where it has to wake one."""
    there = [*map(str, driver_folders()), os.environ.get(PATH, "")]
    environment = {**os.environ, PATH: ":".join(filter(None, there))}
    command = [sys.executable, "-I", "-S", "-c", _ASK]
    try:
        asked = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Cuda(fault=f"the driver does not answer: {one_line(str(error), 120)}")
    if asked.returncode != 0:
        return Cuda(fault=f"asking the driver ended with exit code {asked.returncode}")
    told = json.loads(asked.stdout.splitlines()[-1])
    return Cuda(gpus=tuple(map(one_line, told["gpus"])), version=told["version"], fault=one_line(told["fault"]))


def torch_cuda() -> tuple[str, str]:
    """Version of the installed torch, and of the CUDA it is built with, which is empty where it is without."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return "", ""
    text = Path(spec.origin).with_name("version.py").read_text()  # importing torch takes a second
    found = dict(re.findall(r"(?m)^(__version__|cuda)\b[^=\n]*= *'([^'\n]*)'", text))
    return found.get("__version__", ""), found.get("cuda", "")
