"""Gymnasium environments on the far side. Python 3.8; numpy and gymnasium."""

from __future__ import annotations

import difflib
import linecache
import os
import platform
import sys
import types
from collections.abc import Sequence
from importlib import metadata
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np

from rewardsmith.export.discovery import discover
from rewardsmith.export.signals import SignalReader
from rewardsmith.worker.backends.foreign.channel import Fault
from rewardsmith.worker.backends.foreign.recording import Shared
from rewardsmith.worker.backends.foreign.spaces import describe
from rewardsmith.worker.backends.timing import seconds_per_step

__all__ = ["HostedEnvironments"]


class HostedEnvironments:
    """One environment for each world, stepped one after the other."""

    def __init__(self, memory: int, frame: int) -> None:
        self._memory, self._frame = memory, frame

    def open(
        self,
        *,
        id: str,  # noqa: A002 - as in the task file
        kwargs: dict[str, Any],
        horizon: int,
        count: int,
        render_mode: str | None,
        module: str | None,
        source: str | None,
        specs: dict[str, dict[str, Any]],
        **_: Any,
    ) -> dict[str, Any]:
        """Make the environments, step one of them once, and tell what is there."""
        if source is not None:
            _run_module(module or "environment.py", source)
        if ":" not in id and id not in gymnasium.registry:
            near = difflib.get_close_matches(id, list(gymnasium.registry), 3, 0.5)
            raise Fault(
                f"environment.id {id!r} is not registered with Gymnasium {gymnasium.__version__} there"
                + ("; did you mean {}?".format(" or ".join(map(repr, near))) if near else ""),
                "correct environment.id in task.toml, or install the package that registers it",
            )
        given = dict(kwargs, render_mode=render_mode) if render_mode else kwargs
        try:
            self._envs = [
                gymnasium.make(id, max_episode_steps=horizon, disable_env_checker=True, **given) for _ in range(count)
            ]
        except Exception as error:
            raise Fault(
                f"{id} could not be made: {type(error).__name__}: {error}",
                "correct [environment] in task.toml, or install what it needs",
            ) from error
        env = self._envs[0]
        try:
            spaces = describe(env.observation_space), describe(env.action_space)
        except ValueError as error:
            raise Fault(f"{id}: {error}") from error
        env.action_space.seed(0)
        env.reset(seed=0)
        info = env.step(env.action_space.sample())[4]
        self._info = set(info)
        try:
            named = {name: SimpleNamespace(**spec) for name, spec in specs.items()}
            self._found = discover(env, named, info=info)
        except ValueError as error:
            raise Fault(str(error), "correct [signals] in task.toml: they must name data of the environment") from error
        self._shared = Shared(self._memory, count, *spaces)
        return {
            "observation_space": spaces[0],
            "action_space": spaces[1],
            "signals": [list(signal) for signal in self._found.values()],
            "dt": seconds_per_step(env),
            "fps": (env.metadata or {}).get("render_fps"),
            "versions": _versions(env),
        }

    def record(self, *, signals: Sequence[str], also: Sequence[str], first: int) -> dict[str, Any]:
        """What is read after each step of every world, and `also` of the `first` ones."""
        every = list(dict.fromkeys([*signals, *also]))
        lost = [name for name in every if name not in self._found]
        if lost:
            raise Fault(f"there is no signal {lost[0]!r} any more", "survey again: rewardsmith survey --fresh")
        plain = {n for n in every if self._found[n].reader.startswith("info:") and "@" not in self._found[n].reader}
        self._entries, self._readers = [], []
        for i, env in enumerate(self._envs):
            names = every if i < first else signals
            addresses = {name: self._found[name].reader for name in names if name not in plain}
            self._readers.append(SignalReader(env, addresses) if addresses else None)
            self._entries.append({name: self._found[name].reader[5:] for name in names if name in plain})
        rows = [(name, self._found[name].dtype, self._found[name].shape) for name in every]
        return self._shared.allot(rows)

    def reset(self, *, seeds: Sequence[int | None]) -> None:
        """Start an episode in the first worlds."""
        for i, seed in enumerate(seeds):
            self._shared.put("observation", i, self._envs[i].reset(seed=seed)[0])

    def step(self, *, resets: bool) -> dict[str, Any]:
        """Step the worlds that run; with `resets` start anew where an episode has ended."""
        shared = self._shared
        arrays = shared.arrays
        ended: list[int] = []
        for i, env in enumerate(self._envs):
            if not arrays["running"][i]:
                arrays["terminated"][i] = arrays["truncated"][i] = False
                continue
            action = arrays["action"][i]
            action = action.copy() if isinstance(action, np.ndarray) else action
            observation, reward, terminated, truncated, info = env.step(action)
            arrays["stock"][i], arrays["terminated"][i], arrays["truncated"][i] = reward, terminated, truncated
            self._info.update(info)
            for name, key in self._entries[i].items():
                shared.signal(name, i, info.get(key))
            reader = self._readers[i]
            if reader is not None:
                for name, value in reader.read(observation, action, bool(terminated), info).items():
                    shared.signal(name, i, value)
            if resets and (terminated or truncated):
                shared.put("last", i, observation)
                ended.append(i)
                observation = env.reset()[0]
            shared.put("observation", i, observation)
        return {"ended": ended}

    def view(self) -> dict[str, Any]:
        """The source without its reward, sliced here, where its classes are."""
        try:
            from rewardsmith.worker.view import without_reward
        except (ImportError, SyntaxError, TypeError):  # of Python before 3.10
            return {"text": "", "dropped": sorted(self._info)}
        seen = without_reward(self._envs[0], self._info)
        return {"text": seen.text, "dropped": list(seen.dropped_info)}

    def origins(self) -> dict[str, Any]:
        """Hashes of the files that the environment comes from."""
        try:
            from rewardsmith.worker.origins import origins
        except (ImportError, AttributeError):  # of Python before 3.10
            return {"origins": {}}
        return {"origins": origins(self._envs[0])}

    def render(self) -> dict[str, Any]:
        """Draw one picture, shape (height, width, 3), into its own shared file."""
        frame = np.ascontiguousarray(self._envs[0].render(), dtype=np.uint8)
        os.ftruncate(self._frame, frame.nbytes)
        os.pwrite(self._frame, frame.tobytes(), 0)
        return {"shape": list(frame.shape)}


def _run_module(file: str, source: str) -> None:
    """Execute the task's own module, so that `inspect` finds its source."""
    path = "<task>/" + file
    module = types.ModuleType("task_module")
    module.__file__ = path
    linecache.cache[path] = (len(source), None, source.splitlines(True), path)
    sys.modules[module.__name__] = module
    try:
        exec(compile(source, path, "exec"), module.__dict__)  # noqa: S102 - the task owner's environment
    except Exception as error:
        raise Fault(
            f"{file} raised {type(error).__name__}: {error}",
            f"run `{sys.executable} {file}` in the task's folder: it must import cleanly",
        ) from error


def _versions(env: Any) -> dict[str, str]:
    """Versions of Python, numpy, the simulator, and the package that the environment comes from."""
    found = {"python": platform.python_version(), "numpy": np.__version__, "gymnasium": gymnasium.__version__}
    for name in ("mujoco", type(env.unwrapped).__module__.partition(".")[0]):
        if name in sys.modules:
            try:
                found[name] = metadata.version(name)
            except metadata.PackageNotFoundError:
                continue
    return found
