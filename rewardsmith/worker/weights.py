"""An algorithm's parameters, optimisers and counters as tensors and JSON, without pickle."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import reduce
from typing import Any

import torch
from pydantic import Field
from stable_baselines3.common.base_class import BaseAlgorithm

from rewardsmith.domain.record import Record
from rewardsmith.errors import StoreError, one_line

__all__ = ["Rest", "check_model", "dump_model", "finite", "load_model"]

_COUNTERS = (
    "num_timesteps", "_n_updates", "_episode_num", "_n_calls", "_current_progress_remaining", "exploration_rate",
)  # fmt: skip

Tensors = dict[str, torch.Tensor]
Layout = tuple[torch.dtype, tuple[int, ...]]
Setting = bool | int | float | None | tuple[int | float, ...]


class Optimiser(Record):
    """What an optimiser keeps beside its tensors."""

    groups: tuple[dict[str, Setting], ...]
    """Settings of each group of parameters, as torch names them."""
    scalars: dict[str, dict[str, Setting]]
    """State that is no tensor, by parameter."""


class Rest(Record):
    """What is no tensor."""

    optimisers: dict[str, Optimiser] = Field(default_factory=dict)
    """By attribute of the algorithm."""
    counters: dict[str, int | float] = Field(default_factory=dict)
    """By attribute of the algorithm."""


def dump_model(model: BaseAlgorithm) -> tuple[Tensors, Rest]:
    """Copies of every tensor by name, and the rest."""
    states, variables = model._get_torch_save_params()
    tensors: Tensors = {}
    optimisers: dict[str, Optimiser] = {}
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
        optimisers[name] = Optimiser(groups=state["param_groups"], scalars=scalars)
    for name in variables:
        tensors[f"{name}/"] = _attribute(model, name).detach().clone()
    counters = {name: getattr(model, name) for name in _COUNTERS if hasattr(model, name)}
    return tensors, Rest(optimisers=optimisers, counters=counters)


def check_model(model: BaseAlgorithm, tensors: Mapping[str, torch.Tensor], rest: Rest) -> None:
    """Raise StoreError unless `load_model` can take these; nothing is changed."""
    now, here = dump_model(model)
    optional: dict[str, Layout] = {}
    fits = set(rest.counters) == set(here.counters) and set(rest.optimisers) == set(here.optimisers)
    for name, own in here.optimisers.items() if fits else ():
        saved, stepped = rest.optimisers[name], _stepped(_attribute(model, name))
        fits &= [_keys(group) for group in saved.groups] == [_keys(group) for group in own.groups]
        for index, slots in stepped.items():
            wanted = {key for key, value in slots.items() if not isinstance(value, torch.Tensor)}
            fits &= set(saved.scalars.get(str(index), wanted)) == wanted
            optional |= {f"{name}/{index}/{key}": _layout(v) for key, v in slots.items() if key not in wanted}
        fits &= set(saved.scalars) <= {str(index) for index in stepped}
    if not fits:
        raise StoreError("the checkpoint's counters or optimisers are another algorithm's")
    given = {name: _layout(tensor) for name, tensor in tensors.items()}
    needed = {name: _layout(t) for name, t in now.items() if name not in optional}
    for name in sorted(given.keys() | needed.keys() | _completed(given.keys(), optional.keys())):
        if name not in given or given[name] != (needed | optional).get(name):
            raise StoreError(f"the checkpoint's tensor {one_line(name, 80)!r} is not one of this algorithm's")


def load_model(model: BaseAlgorithm, tensors: Mapping[str, torch.Tensor], rest: Rest) -> None:
    """Put back what `dump_model` gave; `check_model` says whether it fits."""
    states, variables = model._get_torch_save_params()
    for name in states:
        target = _attribute(model, name)
        own = {key.removeprefix(f"{name}/"): t for key, t in tensors.items() if key.startswith(f"{name}/")}
        saved = rest.optimisers.get(name)
        if saved is None:
            target.load_state_dict(own, strict=True)
            continue
        state: dict[int, dict[str, Any]] = {int(i): dict(slots) for i, slots in saved.scalars.items()}
        for key, tensor in own.items():
            index, _, slot = key.partition("/")
            state.setdefault(int(index), {})[slot] = tensor
        target.load_state_dict({"state": state, "param_groups": list(saved.groups)})
    with torch.no_grad():
        for name in variables:
            _attribute(model, name).copy_(tensors[f"{name}/"])
    for name, value in rest.counters.items():
        setattr(model, name, value)


def finite(model: BaseAlgorithm) -> bool:
    """Whether every parameter of the policy is a finite number."""
    return all(bool(torch.isfinite(parameter).all()) for parameter in model.policy.parameters())


def _stepped(optimiser: torch.optim.Optimizer) -> dict[int, dict[str, Any]]:
    """The state that this optimiser keeps of each parameter once it has made a step, found on parameters of its own."""
    groups: list[dict[str, Any]] = []
    for group in optimiser.param_groups:
        parameters = [torch.zeros_like(p, requires_grad=True) for p in group["params"]]
        for parameter in parameters:
            parameter.grad = torch.zeros_like(parameter)
        groups.append(group | {"params": parameters})
    kind: Any = type(optimiser)
    trial = kind(groups)
    trial.step()
    state: dict[int, dict[str, Any]] = trial.state_dict()["state"]
    return state


def _completed(given: Iterable[str], optional: Collection[str]) -> set[str]:
    """All slots of each parameter of which one is given: torch keeps all of them or none."""
    begun = {name.rpartition("/")[0] for name in given if name in optional}
    return {name for name in optional if name.rpartition("/")[0] in begun}


def _keys(group: Mapping[str, Any]) -> tuple[list[str], Any]:
    return sorted(group), group["params"]


def _layout(tensor: torch.Tensor) -> Layout:
    return tensor.dtype, tuple(tensor.shape)


def _attribute(model: BaseAlgorithm, path: str) -> Any:
    return reduce(getattr, path.split("."), model)
