"""The learning algorithm that a task names: found, checked, built."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import ReplayBuffer, RolloutBuffer
from stable_baselines3.common.noise import NormalActionNoise, OrnsteinUhlenbeckActionNoise
from stable_baselines3.common.vec_env import VecEnv

from rewardsmith.domain.task import Trainer
from rewardsmith.errors import MissingExtra, TaskError, near_misses

__all__ = ["algorithm_class", "build", "rollout_steps"]

_ON_DEVICE = "skrl.PPO"
"""Learns on a device where the worlds are; see `worker.backends.warp`."""
_LIBRARIES = ("stable_baselines3", "sb3_contrib")
_OURS = {
    "self", "policy", "env", "seed", "device", "verbose", "tensorboard_log", "stats_window_size", "_init_setup_model",
    "rollout_buffer_class", "rollout_buffer_kwargs", "replay_buffer_class", "replay_buffer_kwargs",
    "optimize_memory_usage", "supported_action_spaces", "monitor_wrapper",
}  # fmt: skip
_UNFIT = {
    "ARS": "it sums an episode's rewards inside its own evaluation loop, where none can be fetched afterwards",
    "MaskablePPO": "it needs action masks, which no signal gives",
}
_NOISES = {"normal": NormalActionNoise, "ornstein_uhlenbeck": OrnsteinUhlenbeckActionNoise}


def algorithm_class(name: str) -> type[BaseAlgorithm]:
    """The class called `name`, such as `stable_baselines3.PPO`.

    Raises:
        TaskError: there is none, or its rewards cannot come from outside; with near misses.
    """
    if name == _ON_DEVICE:
        return _on_device()
    known = _known()
    if name not in known:
        near = near_misses(name, (*known, _ON_DEVICE)) or [
            k for k in known if k.rpartition(".")[2].lower() == name.lower()
        ]
        raise TaskError(
            f"trainer.algorithm: no algorithm {name!r}"
            + (f"; did you mean {' or '.join(map(repr, near))}?" if near else ""),
            hint="known: " + ", ".join((*known, _ON_DEVICE)),
        )
    found = known[name]
    if found.__name__ in _UNFIT:
        raise TaskError(
            f"trainer.algorithm: {name} cannot be used: {_UNFIT[found.__name__]}",
            hint="known: " + ", ".join(k for k, v in known.items() if v.__name__ not in _UNFIT),
        )
    return found


def build(trainer: Trainer, env: VecEnv, seed: int) -> BaseAlgorithm:
    """Make the algorithm on the CPU, with the task's settings, on `env`; off policy, with an empty buffer for one step.

    Raises:
        TaskError: an unknown class or setting (with near misses), or one that the class refuses.
    """
    found = algorithm_class(trainer.algorithm)
    if trainer.policy not in found.policy_aliases:
        raise TaskError(
            f"trainer.policy: {trainer.algorithm} has no policy {trainer.policy!r}",
            hint="its policies: " + ", ".join(found.policy_aliases),
        )
    settings = {key: _value(key, value, env) for key, value in trainer.settings.items()}
    accepted = [key for key in inspect.signature(found).parameters if key not in _OURS]
    for key in settings:
        if key not in accepted:
            near = near_misses(key, accepted)
            raise TaskError(
                f"trainer.settings: {trainer.algorithm} takes no {key!r}"
                + (f"; did you mean {' or '.join(map(repr, near))}?" if near else ""),
                hint="settings: " + ", ".join(accepted),
            )
    rows = settings.get("buffer_size", getattr(inspect.signature(found).parameters.get("buffer_size"), "default", None))
    if rows is not None:
        if not isinstance(rows, int) or rows < 1:
            raise TaskError(
                f"trainer.settings.buffer_size: {rows!r} is no number of transitions", hint="such as 300_000"
            )
        settings["buffer_size"] = env.num_envs  # `fetch_into` makes the room, in float32: half of what SB3 would take
    try:
        place = trainer.device if found.__module__.startswith("rewardsmith.") else "cpu"
        model = found(trainer.policy, env, seed=seed, device=place, verbose=0, **settings)
    except (TypeError, ValueError, AssertionError, KeyError) as error:
        raise TaskError(
            f"trainer: {trainer.algorithm} with {trainer.policy!r} refuses these settings: {error}",
            hint="correct [trainer] in task.toml",
        ) from error
    if rows is not None:
        model.buffer_size = rows  # type: ignore[attr-defined]
    fits = (getattr(model, "rollout_buffer", None), getattr(model, "replay_buffer", None))
    if not hasattr(model, "feed") and not isinstance(fits[0], RolloutBuffer) and not isinstance(fits[1], ReplayBuffer):
        raise TaskError(f"trainer.algorithm: {trainer.algorithm} collects its rewards into no buffer")
    return model


def rollout_steps(model: BaseAlgorithm) -> int:
    """Steps of each environment between two updates; of episodic off-policy training, 1."""
    frequency = getattr(model, "train_freq", None)
    if frequency is None:
        return int(getattr(model, "n_steps"))  # noqa: B009 - every on-policy algorithm has it, the base class not
    return int(frequency.frequency) if frequency.unit.value == "step" else 1


def _known() -> dict[str, type[BaseAlgorithm]]:
    known: dict[str, type[BaseAlgorithm]] = {}
    for library in _LIBRARIES:
        module = importlib.import_module(library)
        for name in module.__all__:
            found = getattr(module, name)
            if inspect.isclass(found) and issubclass(found, BaseAlgorithm):
                known[f"{library}.{name}"] = found
    return known


def _on_device() -> type[BaseAlgorithm]:
    """Imported where it is named only: skrl and Warp take seconds."""
    try:
        from rewardsmith.worker.backends.warp.ppo import DevicePPO
    except ImportError as error:
        raise MissingExtra(f"{_ON_DEVICE} needs {error.name}", hint="pip install 'rewardsmith[warp]'") from error
    return DevicePPO


def _value(key: str, value: Any, env: VecEnv) -> Any:
    """A setting as the class takes it: schedules, classes and noise come as text, tuples as lists."""
    if key == "policy_kwargs":
        return _policy_kwargs(value)
    if key == "action_noise":
        return _noise(value, env)
    if isinstance(value, str) and value.startswith("linear:"):
        return _linear(key, value.removeprefix("linear:"))
    return tuple(value) if isinstance(value, list) else value


def _linear(key: str, text: str) -> Callable[[float], float]:
    try:
        first = float(text)
    except ValueError:
        raise TaskError(
            f"trainer.settings.{key}: 'linear:{text}' is no schedule",
            hint="write `linear:` and a number, such as linear:3e-4",
        ) from None

    def schedule(remaining: float) -> float:
        return first * remaining

    return schedule


def _policy_kwargs(values: Any) -> dict[str, Any]:
    if not isinstance(values, Mapping):
        raise TaskError(
            f"trainer.settings.policy_kwargs: {type(values).__name__} instead of a table",
            hint='write it as { net_arch = [64, 64], activation_fn = "Tanh" }',
        )
    ready = dict(values)
    for key, module in (("activation_fn", torch.nn), ("optimizer_class", torch.optim)):
        name = ready.get(key)
        if isinstance(name, str):
            known = [n for n in dir(module) if inspect.isclass(getattr(module, n))]
            if name not in known:
                near = near_misses(name, known)
                raise TaskError(
                    f"trainer.settings.policy_kwargs.{key}: no class {name!r} in {module.__name__}"
                    + (f"; did you mean {' or '.join(map(repr, near))}?" if near else ""),
                    hint="a name such as Tanh, ReLU, ELU" if key == "activation_fn" else "a name such as Adam",
                )
            ready[key] = getattr(module, name)
    return ready


def _noise(text: Any, env: VecEnv) -> Any:
    kind, _, sigma = str(text).partition(":")
    shape = env.action_space.shape
    try:
        if not shape:
            raise ValueError
        return _NOISES[kind](mean=np.zeros(shape), sigma=float(sigma) * np.ones(shape))
    except (KeyError, ValueError):
        raise TaskError(
            f"trainer.settings.action_noise: {text!r} is no noise for this action space",
            hint="write normal:0.1 or ornstein_uhlenbeck:0.1 (deviation), for continuous actions",
        ) from None
