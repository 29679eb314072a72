"""One environment of another interpreter as a Gymnasium environment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from rewardsmith.domain.task import Task
from rewardsmith.export.discovery import FoundSignal, NamedData
from rewardsmith.worker.backends.foreign.excerpt import excerpt
from rewardsmith.worker.backends.foreign.process import FarProcess
from rewardsmith.worker.backends.foreign.spaces import rebuild
from rewardsmith.worker.view import UNAVAILABLE, View

__all__ = ["ForeignEnvironment", "found_signals"]

HERE = ("observation", "action", "terminated", "info")
"""Kinds of signals that can be read on this side."""


class ForeignEnvironment(gymnasium.Env[Any, Any]):
    """Its `info` holds every signal that this side cannot read by itself, under the signal's name.

    Raises:
        TaskError, InfrastructureError: See `FarProcess`.
    """

    def __init__(self, task: Task, render_mode: str | None = None) -> None:
        self._far = FarProcess(task, 1, render_mode)
        opened = self._far.opened
        self.observation_space, self.action_space = (
            rebuild(opened["observation_space"]),
            rebuild(opened["action_space"]),
        )
        self._told = opened["signals"]
        self._found, self._versions = found_signals(opened), dict(opened["versions"])
        self.metadata = {"render_modes": ["rgb_array"], "render_fps": opened["fps"]}
        self.dt = float(opened["dt"])
        self.render_mode = render_mode
        names = [signal.name for signal in self._found.values() if signal.reader.startswith("info:")]
        self._keys = [self._found[name].reader.removeprefix("info:").partition("@")[0] for name in names]
        self._names = names
        self._shared = self._far.record(names, [], 0)
        self._shared["running"][:] = True

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode."""
        del options
        self._far.call("reset", seeds=[seed])
        return observations(self._shared.arrays, self.observation_space, world=0), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Step; entries of `info` that the far side did not have in this step are missing here too."""
        shared = self._shared
        shared["action"][0] = action
        self._far.call("step", resets=False)
        present = shared["present"][0]
        info = {
            key: shared[f"signal:{name}"][0].copy()
            for key, name, there in zip(self._keys, self._names, present, strict=True)
            if there
        }
        observation = observations(shared.arrays, self.observation_space, world=0)
        ended = bool(shared["terminated"][0]), bool(shared["truncated"][0])
        return observation, float(shared["stock"][0]), *ended, info

    def render(self) -> Any:
        """One picture, (height, width, 3)."""
        shape = self._far.call("render")["shape"]
        return np.frombuffer(self._far.picture(), np.uint8).reshape(shape)

    def signals(self, specs: Mapping[str, NamedData], info: Mapping[str, Any]) -> dict[str, FoundSignal]:
        """What the far side found, with the task file's signals as it was told of them at the start."""
        del specs, info
        return dict(self._found)

    def versions(self) -> dict[str, str]:
        """Of its interpreter and of what runs there."""
        return self._versions

    def view(self, info: Iterable[str]) -> View:
        """See `rewardsmith.worker.view.without_reward`; the far side knows all entries of its `info`."""
        del info
        told = self._far.call("view")
        seen = View(told["text"] or UNAVAILABLE, tuple(told["dropped"])) if "text" in told else excerpt(**told)
        dropped = {*seen.dropped_info}
        keys = {name: reader.partition(":")[2].partition("@")[0] for name, *_, reader in self._told}
        cut = {name for name, key in keys.items() if key in dropped and self._found[name].reader == f"info:{name}"}
        return View(seen.text, tuple(sorted(dropped | cut)))

    def origins(self) -> dict[str, str]:
        """See `rewardsmith.worker.origins.origins`."""
        return dict(self._far.call("origins")["origins"])

    def close(self) -> None:
        """End its process."""
        self._far.close()


def found_signals(opened: dict[str, Any]) -> dict[str, FoundSignal]:
    """The signals that the far side told of, by name; what cannot be read on this side comes by `info`."""
    found: dict[str, FoundSignal] = {}
    for name, shape, dtype, unit, meaning, reader in opened["signals"]:
        kind = reader.partition(":")[0].partition("@")[0]
        here = reader if kind in HERE and not (kind == "info" and "@" in reader) else f"info:{name}"
        found[name] = FoundSignal(name, tuple(shape), dtype, unit, meaning, here)
    return found


def observations(
    arrays: dict[str, npt.NDArray[Any]], space: Any, *, what: str = "observation", world: Any = ...
) -> Any:
    """A copy of the observations, of all worlds or of one."""
    if isinstance(space, spaces.Dict):
        return {key: arrays[f"{what}:{key}"][world].copy() for key in space}
    return arrays[what][world].copy()
