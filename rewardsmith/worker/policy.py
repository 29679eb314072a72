"""The trained policy as files that anyone can load: `policy.safetensors`, `policy.json`, `normalisation.npz`.

`policy.json` names the layers of the deterministic policy, so that a loader needs numpy and safetensors only:

    x = clip((observation - mean) / sqrt(var + epsilon), -c, c)     where `normalisation.npz` has statistics
    for layer in layers: x = activation(weight @ x + bias)
    action = clip(x, low, high) | low + (tanh(x) + 1) / 2 * (high - low) | argmax(x)     as `output` says
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt
import torch
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.preprocessing import get_flattened_obs_dim
from stable_baselines3.common.torch_layers import FlattenExtractor
from torch import nn

from rewardsmith.domain.task import Trainer
from rewardsmith.store.arrays import layouts, read_arrays
from rewardsmith.worker.files import read_weights, write_arrays, write_json, write_tensors

__all__ = ["Weights", "describe", "read_policy", "write_policy"]

_ACTIVATIONS = {nn.Tanh: "tanh", nn.ReLU: "relu", nn.ELU: "elu", nn.SiLU: "silu", nn.Sigmoid: "sigmoid"}


@dataclass(frozen=True)
class Weights:
    """What a policy is made of at one moment."""

    tensors: Mapping[str, torch.Tensor]
    """The policy's state dict."""
    normalisation: Mapping[str, npt.NDArray[Any]]
    """Statistics of observations and rewards."""


def write_policy(out: Path, weights: Weights, description: Mapping[str, Any]) -> None:
    """Write the three files."""
    write_tensors(out / "policy.safetensors", weights.tensors)
    write_arrays(out / "normalisation.npz", weights.normalisation)
    write_json(out / "policy.json", description)


def read_policy(out: Path, now: Weights) -> Weights:
    """What `write_policy` wrote of a policy that is built like `now`. Raises StoreError."""
    statistics = read_arrays(out, "normalisation.npz", expected=layouts(now.normalisation), finite=True)
    return Weights(read_weights(out, "policy.safetensors", now.tensors), statistics)


def describe(model: BaseAlgorithm, trainer: Trainer) -> dict[str, Any]:
    """Algorithm, spaces and, where the policy is a plain chain of layers, the chain; else `layers` is null."""
    layers, output = _chain(model) or (None, None)
    return {
        "version": 1,
        "algorithm": trainer.algorithm,
        "policy": trainer.policy,
        "settings": trainer.settings,
        "observation_space": _space(model.observation_space),
        "action_space": _space(model.action_space),
        "layers": layers,
        "output": output,
    }


def _chain(model: BaseAlgorithm) -> tuple[list[dict[str, Any]], str] | None:
    """Find the linear layers from observation to deterministic action, in order, by their names in the state dict."""
    policy: Any = model.policy
    if not isinstance(model.observation_space, spaces.Box) or getattr(policy, "lstm_actor", None) is not None:
        return None
    holder = next(
        (p for p in (getattr(policy, "actor", None), getattr(policy, "q_net", None)) if p is not None), policy
    )
    if not isinstance(getattr(holder, "features_extractor", None), FlattenExtractor):
        return None
    if isinstance(policy, ActorCriticPolicy):
        modules: list[nn.Module] = [policy.mlp_extractor.policy_net, policy.action_net]
        output = "clip" if isinstance(model.action_space, spaces.Box) else "argmax"
        if output == "clip" and policy.squash_output:
            return None
    elif hasattr(holder, "latent_pi"):
        modules, output = [holder.latent_pi, holder.mu], "squash"
    elif isinstance(getattr(holder, "mu", None), nn.Sequential):
        modules, output = [holder.mu], "unscale"
    elif isinstance(getattr(holder, "q_net", None), nn.Sequential) and not hasattr(holder, "n_quantiles"):
        modules, output = [holder.q_net], "argmax"
    else:
        return None
    if not isinstance(model.action_space, spaces.Box | spaces.Discrete):
        return None
    names = {id(module): name for name, module in policy.named_modules()}
    layers: list[dict[str, Any]] = []
    for part in (leaf for module in modules for leaf in module.modules() if not list(leaf.children())):
        if isinstance(part, nn.Linear):
            layers.append(
                {"weight": f"{names[id(part)]}.weight", "bias": f"{names[id(part)]}.bias", "activation": None}
            )
        elif type(part) in _ACTIVATIONS and layers:
            layers[-1]["activation"] = _ACTIVATIONS[type(part)]
        elif not isinstance(part, nn.Identity | nn.Flatten):
            return None
    inputs = get_flattened_obs_dim(model.observation_space)
    first = policy.state_dict()[layers[0]["weight"]] if layers else None
    return (layers, output) if first is not None and first.shape[1] == inputs else None


def _space(space: spaces.Space[Any]) -> dict[str, Any]:
    if isinstance(space, spaces.Box):
        # null stands for no bound: JSON has no infinity
        low, high = (
            [v if abs(v) < float("inf") else None for v in b.ravel().tolist()] for b in (space.low, space.high)
        )
        return {"kind": "box", "shape": list(space.shape), "dtype": str(space.dtype), "low": low, "high": high}
    if isinstance(space, spaces.Discrete):
        return {"kind": "discrete", "n": int(space.n), "start": int(space.start)}
    if isinstance(space, spaces.Dict):
        return {"kind": "dict", "spaces": {key: _space(part) for key, part in space.items()}}
    return {"kind": type(space).__name__.lower(), "text": str(space)}
