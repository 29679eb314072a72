"""Spaces of observations and actions as JSON. Used on both sides: Python 3.8; needs no package where it describes."""

from __future__ import annotations

from typing import Any

__all__ = ["describe", "rebuild"]


def describe(space: Any) -> dict[str, Any]:
    """A space of Gymnasium or of the older Gym as JSON. Raises ValueError for one that cannot cross."""
    kind = type(space).__name__
    if kind == "Box":
        low, high = (_bound(end) for end in (space.low, space.high))
        return {"kind": kind, "low": low, "high": high, "shape": list(space.shape), "dtype": str(space.dtype)}
    if kind == "Discrete":
        return {"kind": kind, "n": int(space.n), "start": int(getattr(space, "start", 0))}
    if kind == "MultiDiscrete" and len(space.shape) == 1:
        return {"kind": kind, "nvec": [int(count) for count in space.nvec]}
    if kind == "MultiBinary":
        return {"kind": kind, "shape": list(space.shape)}
    if kind == "Dict":
        return {"kind": kind, "spaces": {str(key): describe(part) for key, part in space.spaces.items()}}
    raise ValueError(f"a space of kind {kind} cannot cross to another process")


def rebuild(told: dict[str, Any]) -> Any:
    """The Gymnasium space that `describe` told of."""
    import numpy as np
    from gymnasium import spaces

    kind = told["kind"]
    if kind == "Box":
        shape, dtype = tuple(told["shape"]), np.dtype(told["dtype"])
        low, high = (np.broadcast_to(np.asarray(told[end], dtype=dtype), shape) for end in ("low", "high"))
        return spaces.Box(low, high, shape, dtype.type)
    if kind == "Discrete":
        return spaces.Discrete(told["n"], start=told["start"])
    if kind == "MultiDiscrete":
        return spaces.MultiDiscrete(told["nvec"])
    if kind == "MultiBinary":
        return spaces.MultiBinary(told["shape"])
    return spaces.Dict({key: rebuild(part) for key, part in told["spaces"].items()})


def _bound(end: Any) -> Any:
    """One number where all entries are the same, as in pictures; else all of them."""
    flat = end.reshape(-1)
    return end.tolist() if not len(flat) or (flat != flat[0]).any() else flat[0].item()
