"""Makes the Gymnasium environment of a task."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import linecache
import logging
import re
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import gymnasium
import mujoco

from rewardsmith.domain.task import PACKAGES, Task
from rewardsmith.errors import TaskError, near_misses
from rewardsmith.worker.backends.foreign.environment import ForeignEnvironment

__all__ = ["load_module", "make"]

logger = logging.getLogger(__name__)


def make(task: Task, *, render_mode: str | None = None) -> gymnasium.Env[Any, Any]:
    """Make one environment of the task, truncated at its horizon; in another interpreter where the task names one.

    The task's own module, where it has one, is executed first, once per process, so that it can register the
    environment. Gymnasium's passive checker is left out: it would check every step of a training.

    Raises:
        TaskError: its extra is not installed, the module raises, the id is not registered (with near misses), or the
            constructor refuses.
        InfrastructureError: another interpreter died, or does not answer.
    """
    if task.environment.foreign is not None:
        return ForeignEnvironment(task, render_mode)
    _check_installed(task)
    _log_simulator_warnings()
    if task.module_source is not None:
        load_module(task)
    environment = task.environment
    kwargs = dict(environment.kwargs)
    if render_mode is not None:
        kwargs["render_mode"] = render_mode
    _check_known(task)
    try:
        return gymnasium.make(environment.id, max_episode_steps=environment.horizon, disable_env_checker=True, **kwargs)
    except Exception as error:
        raise _refused(task, error) from error


def load_module(task: Task) -> ModuleType:
    """Execute the task's own module, once per process and source, so that `inspect` finds its source.

    Raises:
        TaskError: it raises, or does not parse.
    """
    source = task.module_source or ""
    digest = hashlib.sha256(source.encode()).hexdigest()[:12]
    name = f"task_module_{re.sub(r'[^0-9a-zA-Z]', '_', task.name)}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    file = task.environment.module or "environment.py"
    path = f"<task {task.name} {digest}>/{file}"
    module = ModuleType(name)
    module.__file__ = path
    module.__spec__ = ModuleSpec(name, None, origin=path)
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
    sys.modules[name] = module
    try:
        exec(compile(source, path, "exec"), module.__dict__)  # noqa: S102 - the task owner's environment
    except Exception as error:
        del sys.modules[name]
        raise TaskError(
            f"task {task.name!r}: {file} raised {type(error).__name__}: {error}",
            hint=f"run `python {file}` in the task's folder: it must import cleanly and register {task.environment.id}",
        ) from error
    return module


def _check_installed(task: Task) -> None:
    """Raise if the optional package that the task needs is not there."""
    if task.extra is not None and importlib.util.find_spec(PACKAGES[task.extra]) is None:
        raise TaskError(
            f"task {task.name!r} needs {PACKAGES[task.extra]}, which is not installed where workers run",
            hint=task.install,
        )


def _log_simulator_warnings() -> None:
    """Send MuJoCo's warnings to the log; it would write a file into the working folder instead."""
    if mujoco.get_mju_user_warning() is None:
        mujoco.set_mju_user_warning(lambda message: logger.warning("%s", message))


def _check_known(task: Task) -> None:
    """Raise if the id, without a `module:` part, is not registered."""
    wanted = task.environment.id
    if ":" in wanted or wanted in gymnasium.registry:
        return
    near = near_misses(wanted, gymnasium.registry)
    message = f"task {task.name!r}: environment.id {wanted!r} is not registered with Gymnasium"
    if near:
        message += "; did you mean " + " or ".join(repr(n) for n in near) + "?"
    module = task.environment.module
    hint = f"register it in {module}" if module else "set environment.module to the file that registers it"
    raise TaskError(message, hint=f"correct environment.id in task.toml, or {hint}")


def _refused(task: Task, error: Exception) -> TaskError:
    """Say why the constructor raised `error`."""
    environment = task.environment
    message = f"task {task.name!r}: {environment.id} could not be made: {type(error).__name__}: {error}"
    hint = "correct [environment] in task.toml"
    accepted = _accepted(environment.id)
    unknown = [key for key in environment.kwargs if accepted and key not in accepted]
    if unknown:
        near = {key: near_misses(key, accepted) for key in unknown}
        message = f"task {task.name!r}: {environment.id} takes no " + ", ".join(
            f"{key!r}" + (f" (did you mean {' or '.join(map(repr, near[key]))}?)" if near[key] else "")
            for key in unknown
        )
        hint = "keyword arguments of the environment: " + ", ".join(accepted)
    elif isinstance(error, gymnasium.error.DependencyNotInstalled):
        hint = "install what the environment needs, then run the command again"
    return TaskError(message, hint=hint)


def _accepted(env_id: str) -> list[str]:
    """Keyword arguments of the environment's constructor and of its bases; empty if they cannot be told."""
    spec = gymnasium.registry.get(env_id.rpartition(":")[2])
    if spec is None or spec.entry_point is None:
        return []
    try:
        creator: Any = spec.entry_point if callable(spec.entry_point) else _load(spec.entry_point)
        creators = creator.__mro__ if inspect.isclass(creator) else (creator,)
        names: dict[str, None] = {}
        for part in creators:
            function = part.__dict__.get("__init__") if inspect.isclass(part) else part
            if not inspect.isfunction(function):
                continue
            for parameter in inspect.signature(function).parameters.values():
                if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                    names[parameter.name] = None
    except (ImportError, AttributeError, ValueError, TypeError):
        return []
    names.pop("self", None)
    return list(names)


def _load(entry_point: str) -> Any:
    from gymnasium.envs.registration import load_env_creator

    return load_env_creator(entry_point)
