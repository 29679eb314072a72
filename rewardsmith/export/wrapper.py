"""A reward as an ordinary Gymnasium wrapper, for users who trust it."""

from __future__ import annotations

import inspect
import linecache
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gymnasium

from rewardsmith.errors import UnknownName, UsageError
from rewardsmith.export.discovery import discover
from rewardsmith.export.paying import PayingWrapper, base_name

__all__ = ["RewardWrapper"]


class RewardWrapper(PayingWrapper):
    """Pays a reward in the reward contract; its components stand in `info["reward_components"]`.

    The reward runs in this process, not in a locked one, with everything that this process may do: use it for rewards
    that you wrote or have read. `evolve` and `train` never do this.

    Args:
        env: the environment to wrap.
        reward: the reward's source, the path of its file, or a function in the reward contract.
        parameters: values of its keyword-only parameters, in place of the defaults.

    Raises:
        UnknownName: it reads a signal that the environment does not have; lists the near misses.
        UsageError: the source does not run, has no `compute_reward`, or has no parameter of a name given.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        reward: str | Path | Callable[..., Any],
        *,
        parameters: Mapping[str, float] | None = None,
    ) -> None:
        function, memory = (reward, _memory_of(reward)) if callable(reward) else _load(reward)
        readers = _addresses(env, function)
        try:
            super().__init__(env, function, readers, memory, parameters)
        except ValueError as error:
            raise UsageError(str(error), hint="see the signature of the reward") from error


def _addresses(env: gymnasium.Env[Any, Any], function: Callable[..., Any]) -> dict[str, str]:
    """Addresses of the signals that a reward reads; what the simulator does not name may be an entry of `info`."""
    arguments = [p.name for p in inspect.signature(function).parameters.values() if p.kind is not p.KEYWORD_ONLY]
    found = {name: signal.reader for name, signal in discover(env, info=_sample_info(env)).items()}
    for name in arguments:
        if name != "memory" and base_name(name, found) not in found:
            raise UnknownName("signal", name, found, where="the reward")
    return {base_name(name, found): found[base_name(name, found)] for name in arguments if name != "memory"}


def _sample_info(env: gymnasium.Env[Any, Any]) -> dict[str, Any]:
    """The entries of `info` of one step of a second environment of the same kind, so that this one is not disturbed."""
    if env.spec is None:
        return {}
    other = gymnasium.make(env.spec, disable_env_checker=True)
    try:
        other.reset(seed=0)
        return other.step(other.action_space.sample())[4]
    finally:
        other.close()


def _load(reward: str | Path) -> tuple[Callable[..., Any], dict[str, float]]:
    """Run a reward's source; gives its function and the memory that it declares."""
    path = Path(reward) if isinstance(reward, Path) or "\n" not in reward else None
    if path is None:
        source, name = str(reward), "<reward>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    else:
        try:
            source, name = path.read_text(encoding="utf-8"), str(path)
        except OSError as error:
            raise UsageError(f"reward file {path}: {error.strerror}", hint="give the path of a reward.py") from error
    namespace: dict[str, Any] = {"__name__": "reward"}
    try:
        exec(compile(source, name, "exec"), namespace)  # noqa: S102 - the user trusts this reward, as the class says
    except Exception as error:
        raise UsageError(f"the reward {name} raised {type(error).__name__}: {error}") from error
    function = namespace.get("compute_reward")
    if not callable(function):
        raise UsageError(f"the reward {name} has no compute_reward", hint="define `def compute_reward(<signals>)`")
    return function, dict(namespace.get("MEMORY", {}))


def _memory_of(function: Callable[..., Any]) -> dict[str, float]:
    """What the module of a function declares as `MEMORY`, where the function takes it."""
    if "memory" not in inspect.signature(function).parameters:
        return {}
    return dict(getattr(function, "__globals__", {}).get("MEMORY", {}))
