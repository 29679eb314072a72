"""A trained policy as files that stand alone: weights, what they mean, statistics, and a loader of ten lines."""

from __future__ import annotations

__all__ = ["FILES", "LOADER"]

FILES = {"policy.safetensors": 1 << 30, "policy.json": 1 << 20, "normalisation.npz": 1 << 28}
"""What a training leaves of its policy, with the most bytes that are taken of each."""

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
