"""How much simulated time a step of an environment takes. Used on the far side too: Python 3.8."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

__all__ = ["seconds_per_step"]

UNTIMED = ("MountainCarEnv", "Continuous_MountainCarEnv")
"""Environments whose equations know no seconds: one step counts as one."""


def seconds_per_step(env: Any) -> float:
    """Find the simulated seconds of one step: the environment's `dt` or `tau`, else its frames per second, else 1."""
    inner = env.unwrapped
    if any(base.__name__ in UNTIMED for base in type(inner).__mro__):
        return 1.0
    for name in ("dt", "tau"):
        value = getattr(inner, name, None)
        if isinstance(value, Real) and 0 < float(value) < math.inf:
            return float(value)
    frames = (inner.metadata or {}).get("render_fps")
    return 1.0 / float(frames) if frames else 1.0
