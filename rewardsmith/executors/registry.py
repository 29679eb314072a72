"""Executors by name: the built-in ones and those of other packages (entry points `rewardsmith.executors`)."""

from __future__ import annotations

import importlib
from importlib import metadata
from typing import Any, cast

from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.errors import UnknownName, UsageError
from rewardsmith.executors.executor import Executor

GROUP = "rewardsmith.executors"
"""Entry-point group: each entry is a class that takes what `LocalExecutor` takes."""

_BUILT_IN = {"local": "rewardsmith.executors.local:LocalExecutor", "ray": "rewardsmith.executors.ray:RayExecutor"}


def known_executors() -> dict[str, str]:
    """Every executor by name, with the address `module:class` of what makes it; nothing is imported."""
    return {entry.name: entry.value for entry in metadata.entry_points(group=GROUP)} | _BUILT_IN


def open_executor(name: str, slots: int | None, sandbox: SandboxSpec, **more: Any) -> Executor:
    """The executor called `name`; see `LocalExecutor` for the arguments, and `RayExecutor` for what it takes `more`.

    Raises:
        UnknownName: There is none of that name, or no such sandbox.
        UsageError: Its package is broken, or it cannot do what is asked.
        ExecutorAway: What it speaks to cannot be reached.
        IsolationUnavailable: The sandbox cannot be run here.
    """
    known = known_executors()
    if name not in known:
        raise UnknownName("executor", name, known)
    module, _, attribute = known[name].partition(":")
    try:
        make = cast(Any, getattr(importlib.import_module(module), attribute))
    except Exception as error:  # whatever a stranger's module raises
        raise UsageError(
            f"the executor {name!r} ({known[name]}) cannot be loaded: {error}",
            hint=f"update or remove its package; known executors: {', '.join(sorted(known))}",
        ) from error
    return cast(Executor, make(slots, sandbox, **more))
