"""Which files an environment comes from, so that a survey can be told to be out of date."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import gymnasium

__all__ = ["origins"]

VERSIONED = {"gymnasium", "mujoco", "numpy", "rewardsmith", "stable_baselines3", "torch", *sys.stdlib_module_names}
"""Packages that change with their version only."""

KINDS = {".py", ".so", ".xml"}
MOST_FILES = 1000
MOST_BYTES = 16 << 20
"""Larger files are left out."""


def origins(env: gymnasium.Env[Any, Any]) -> dict[str, str]:
    """Hash the files from which `env` is made: loaded modules of its classes' packages, and its MuJoCo model.

    Wrappers count, packages in `VERSIONED` do not, nor does what no module of these is loaded from (meshes, say).

    Returns:
        SHA-256 by absolute path; at most `MOST_FILES`.
    """
    layers: list[Any] = [env]
    while layers[-1] is not env.unwrapped:
        layers.append(layers[-1].env)
    packages = {base.__module__.partition(".")[0] for layer in layers for base in type(layer).__mro__} - VERSIONED
    modules = [module for name, module in sys.modules.copy().items() if name.partition(".")[0] in packages]
    files = {str(file) for module in modules if (file := getattr(module, "__file__", None))}
    model = getattr(env.unwrapped, "fullpath", None)
    if isinstance(model, str) and not Path(model).is_relative_to(Path(gymnasium.__file__).parent):
        files.add(model)
    hashes: dict[str, str] = {}
    for path in sorted(Path(file).resolve() for file in files):
        if path.suffix in KINDS and path.is_file() and path.stat().st_size <= MOST_BYTES and len(hashes) < MOST_FILES:
            hashes[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return hashes
