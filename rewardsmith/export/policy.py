"""A trained policy as files that stand alone: weights, what they mean, statistics, and a loader of ten lines."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from rewardsmith.domain.record import Record
from rewardsmith.errors import StoreError
from rewardsmith.export.loader import Box, Discrete, Layer, Output, loader
from rewardsmith.store.arrays import read_arrays, read_tensors
from rewardsmith.store.untrusted import MIB, read_record

__all__ = ["FILES", "read_policy"]

FILES = ("policy.safetensors", "policy.json", "normalisation.npz", "load.py")
"""What an exported policy consists of, `load.py` where it is a plain chain of layers."""


class _Policy(Record):
    """What a loader must know beside the weights: `policy.json`."""

    version: Literal[1]
    algorithm: str = Field(max_length=300)
    policy: str = Field(max_length=300)
    settings: dict[str, Any]
    observation_space: dict[str, Any]
    action_space: Box | Discrete | dict[str, Any]
    layers: tuple[Layer, ...] | None
    output: Output | None


def read_policy(out: Path) -> dict[str, bytes]:
    """The files of the policy that a worker left in `out`, written anew from what they hold.

    `load.py` is among them where the policy is a plain chain of layers.

    Raises:
        StoreError: They are damaged, or do not fit together.
    """
    import numpy as np
    import safetensors.numpy

    policy = read_record(out, "policy.json", _Policy, limit=MIB)
    tensors = read_tensors(out, "policy.safetensors", limit=256 * MIB)
    statistics = read_arrays(out, "normalisation.npz", finite=True, limit=16 * MIB)
    width = None
    for layer in policy.layers or ():
        weight, bias = tensors.get(layer.weight), tensors.get(layer.bias)
        if weight is None or bias is None or weight.ndim != 2 or bias.shape != weight.shape[:1]:
            raise StoreError(f"{out / 'policy.json'} names a layer that policy.safetensors does not hold")
        if width not in (None, weight.shape[1]):
            raise StoreError(f"{out / 'policy.json'}: a layer does not fit the one before")
        width = weight.shape[0]
    packed: Any = io.BytesIO()
    np.savez(packed, allow_pickle=False, **statistics)
    files = {
        "policy.safetensors": safetensors.numpy.save(tensors),
        "policy.json": policy.model_dump_json().encode(),
        "normalisation.npz": packed.getvalue(),
    }
    if policy.layers and policy.output:
        if isinstance(policy.action_space, dict):
            raise StoreError(f"{out / 'policy.json'}: a chain of layers without a box or a number of actions")
        normalised = "observation_mean" in statistics
        files["load.py"] = loader(policy.layers, policy.output, policy.action_space, normalised=normalised).encode()
    return files
