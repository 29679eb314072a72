"""A trained policy as files that stand alone: weights, what they mean, statistics, and a loader of ten lines."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from rewardsmith.domain.record import Record
from rewardsmith.errors import StoreError
from rewardsmith.store.arrays import read_arrays, read_tensors
from rewardsmith.store.untrusted import MIB, read_record

__all__ = ["LOADER", "read_policy"]


class _Layer(Record):
    weight: str
    bias: str
    activation: Literal["tanh", "relu", "sigmoid", "elu", "silu"] | None


class _Policy(Record):
    """What a loader must know beside the weights: `policy.json`."""

    version: Literal[1]
    algorithm: str = Field(max_length=300)
    policy: str = Field(max_length=300)
    settings: dict[str, Any]
    observation_space: dict[str, Any]
    action_space: dict[str, Any]
    layers: tuple[_Layer, ...] | None
    output: Literal["clip", "squash", "unscale", "argmax"] | None


def read_policy(out: Path) -> tuple[dict[str, bytes], bool]:
    """The files of the policy that a worker left in `out`, written anew from what they hold; whether `LOADER` fits.

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
    return files, bool(policy.layers)


LOADER = '''"""The deterministic policy that lies beside this file; needs numpy and safetensors only."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

HERE = Path(__file__).parent
POLICY, TENSORS = json.loads((HERE / "policy.json").read_text()), load_file(HERE / "policy.safetensors")
STATS = np.load(HERE / "normalisation.npz", allow_pickle=False)
ACTIVATIONS = {
    None: lambda x: x, "tanh": np.tanh, "relu": lambda x: np.maximum(x, 0), "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), "silu": lambda x: x / (1 + np.exp(-x)),
}


def act(observation):
    """The action for one observation."""
    x = np.asarray(observation, dtype=np.float64).ravel()
    if "observation_mean" in STATS:
        x = (x - STATS["observation_mean"]) / np.sqrt(STATS["observation_var"] + STATS["observation_epsilon"])
        x = np.clip(x, -STATS["observation_clip"], STATS["observation_clip"])
    for layer in POLICY["layers"]:
        x = ACTIVATIONS[layer["activation"]](TENSORS[layer["weight"]] @ x + TENSORS[layer["bias"]])
    if POLICY["output"] == "argmax":
        return int(np.argmax(x)) + POLICY["action_space"]["start"]
    low, high = (np.array(POLICY["action_space"][end]) for end in ("low", "high"))
    if POLICY["output"] == "squash":
        x = low + (np.tanh(x) + 1) / 2 * (high - low)
    elif POLICY["output"] == "unscale":
        x = low + (x + 1) / 2 * (high - low)
    return np.clip(x, low, high).reshape(POLICY["action_space"]["shape"])
'''
