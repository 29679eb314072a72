"""An algorithm's parameters, optimisers and counters as tensors and JSON, without pickle."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

import torch
from stable_baselines3.common.base_class import BaseAlgorithm

__all__ = ["dump_model", "finite", "load_model"]

_COUNTERS = (
    "num_timesteps", "_n_updates", "_episode_num", "_n_calls", "_current_progress_remaining", "exploration_rate",
)  # fmt: skip

Tensors = dict[str, torch.Tensor]


def dump_model(model: BaseAlgorithm) -> tuple[Tensors, dict[str, Any]]:
    """Copies of every tensor by name, and the rest (optimiser groups, counters) as JSON."""
    states, variables = model._get_torch_save_params()
    tensors: Tensors = {}
    rest: dict[str, Any] = {"optimisers": {}}
    for name in states:
        state = _attribute(model, name).state_dict()
        if "param_groups" not in state:
            tensors |= {f"{name}/{key}": tensor.detach().clone() for key, tensor in state.items()}
            continue
        scalars: dict[str, dict[str, Any]] = {}
        for index, slots in state["state"].items():
            for key, value in slots.items():
                if isinstance(value, torch.Tensor):
                    tensors[f"{name}/{index}/{key}"] = value.detach().clone()
                else:
                    scalars.setdefault(str(index), {})[key] = value
        rest["optimisers"][name] = {"groups": state["param_groups"], "scalars": scalars}
    for name in variables:
        tensors[f"{name}/"] = _attribute(model, name).detach().clone()
    rest["counters"] = {name: getattr(model, name) for name in _COUNTERS if hasattr(model, name)}
    return tensors, rest


def load_model(model: BaseAlgorithm, tensors: Mapping[str, torch.Tensor], rest: Mapping[str, Any]) -> None:
    """Put back what `dump_model` gave. Raises KeyError or RuntimeError if names or shapes do not fit exactly."""
    states, variables = model._get_torch_save_params()
    for name in states:
        target = _attribute(model, name)
        own = {key.removeprefix(f"{name}/"): t for key, t in tensors.items() if key.startswith(f"{name}/")}
        saved = rest["optimisers"].get(name)
        if saved is None:
            target.load_state_dict(own, strict=True)
            continue
        state: dict[int, dict[str, Any]] = {int(i): dict(slots) for i, slots in saved["scalars"].items()}
        for key, tensor in own.items():
            index, _, slot = key.partition("/")
            state.setdefault(int(index), {})[slot] = tensor
        target.load_state_dict({"state": state, "param_groups": saved["groups"]})
    with torch.no_grad():
        for name in variables:
            _attribute(model, name).copy_(tensors[f"{name}/"])
    for name, value in rest["counters"].items():
        setattr(model, name, value)


def finite(model: BaseAlgorithm) -> bool:
    """Whether every parameter of the policy is a finite number."""
    return all(bool(torch.isfinite(parameter).all()) for parameter in model.policy.parameters())


def _attribute(model: BaseAlgorithm, path: str) -> Any:
    return reduce(getattr, path.split("."), model)
