"""Reads signals: the named quantities of an environment that a reward may use.

Each signal has an address, which says where it is read:

    body:NAME:FIELD     position, quaternion, up, linear_velocity, angular_velocity, contact_force of a MuJoCo body
    joint:NAME:FIELD    angle, displacement, velocity of a hinge or slide joint
    site:NAME:position  a MuJoCo site; bodies, joints and sites without a name are written by number: `body:#4:up`
    sensor:NAME:reading a MuJoCo sensor that has a name
    model:FIELD         center_of_mass, center_of_mass_velocity, actuator_force
    qpos, qvel, sensordata, observation, observation:KEY, info:KEY, action, action:KEY, terminated
                        an array, or with `@2` one entry and with `@0,3` or `@2,` some entries of it, flattened

This file needs numpy, gymnasium and the environment's simulator only; exported rewards carry a copy of it.
`rewardsmith.export.discovery` finds the signals of an environment and their addresses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

STEP = ("observation", "action", "terminated", "info")
SIMULATED = ("body", "joint", "site", "sensor", "model", "qpos", "qvel", "sensordata")


class SignalReader:
    """Reads signals of one environment after a step.

    Args:
        env: the environment; wrappers are looked through.
        readers: address of each signal to read, by name.

    Raises:
        ValueError: an address that this environment does not have.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], readers: Mapping[str, str]) -> None:
        self._env = env.unwrapped
        self._action_space: Any = env.action_space
        self._readers = dict(readers)
        self._data: Any = None
        self._bind()

    def read(self, observation: Any, action: Any, terminated: bool, info: Mapping[str, Any]) -> dict[str, Array]:
        """Read every signal as a fresh array, float64 (`terminated` bool, discrete actions int64).

        Call it after `step` and before any reset. Body quantities are those of the last physics step's start, as the
        simulator leaves them. `action` is what the environment received.

        Raises:
            KeyError: an entry of `info` is missing in this step.
        """
        if getattr(self._env, "data", None) is not self._data:
            self._bind()
        for update in self._updates:
            update()
        row = {name: copy() for name, copy in self._copies}
        step = (observation, action, terminated, info)
        for name, part in self._parts:
            row[name] = part.cut(step)
        return row

    def _bind(self) -> None:
        """Take views of the simulator's arrays; they stay valid as long as its data object lives."""
        self._data = getattr(self._env, "data", None)
        self._updates: list[Callable[[], None]] = []
        self._copies: list[tuple[str, Callable[[], Array]]] = []
        self._parts: list[tuple[str, _Part]] = []
        model = mujoco_model(self._env)
        bound = None if model is None else _Bound(model, self._data, computes_forces=_is_gymnasium_mujoco(self._env))
        for name, address in self._readers.items():
            base, index = split_index(address)
            kind, _, rest = base.partition(":")
            if kind in SIMULATED:
                if bound is None:
                    raise ValueError(f"signal {name!r}: {address!r} needs a MuJoCo environment")
                view = bound.view(base)
                self._copies.append((name, view.copy if index is None else partial(_entries, view, index)))
            elif kind in STEP:
                self._parts.append((name, _Part(STEP.index(kind), rest, index, self._dtype(kind, rest))))
            else:
                raise ValueError(f"signal {name!r}: {address!r} is no address of a signal")
        if bound is not None:
            self._updates = list(bound.updates.values())

    def _dtype(self, kind: str, key: str) -> type[np.generic]:
        """Discrete actions are whole numbers, `terminated` is a bool, all else float64."""
        if kind != "action":
            return np.bool_ if kind == "terminated" else np.float64
        space = self._action_space[key] if key else self._action_space
        return np.float64 if isinstance(space, gymnasium.spaces.Box) else np.int64


class _Part(NamedTuple):
    """A part of what a step returned: which item, which entry of a mapping, which entries of the array."""

    item: int
    key: str
    entries: int | tuple[int, ...] | None
    dtype: type[np.generic]

    def cut(self, step: tuple[Any, ...]) -> Array:
        """Copy the part out of a step."""
        value = step[self.item]
        if self.key:
            try:
                value = value[self.key]
            except KeyError:
                present = ", ".join(map(str, value)) or "none"
                raise KeyError(f"no entry {self.key!r} in this step; there are: {present}") from None
        array: Array = np.array(value, dtype=self.dtype)
        return array if self.entries is None else _entries(array, self.entries)


class _Bound:
    """Views of one simulation's arrays, and the calls that bring computed ones up to date."""

    def __init__(self, model: Any, data: Any, *, computes_forces: bool) -> None:
        self.model = model
        self.data = data
        self.computes_forces = computes_forces
        self.updates: dict[str, Callable[[], None]] = {}
        self._velocities: dict[int, Array] = {}

    def view(self, address: str) -> Array:
        """Find the array at an address without index. Raises ValueError if there is none."""
        kind, _, rest = address.partition(":")
        name, _, field = rest.rpartition(":")
        try:
            if kind in ("qpos", "qvel", "sensordata"):
                return np.asarray(getattr(self.data, kind))
            if kind == "model":
                return self._whole(rest)
            number = self._number(kind, name)
            if kind == "joint":
                return self._joint(number, field)
            if kind == "site":
                return np.asarray(self.data.site_xpos[number])
            if kind == "sensor":
                return self._sensor(number, field)
            return self._body(number, field)
        except (KeyError, AttributeError) as error:
            raise ValueError(f"the simulated model has no {address!r}") from error

    def _number(self, kind: str, name: str) -> int:
        if name.startswith("#"):
            return int(name[1:])
        return int(getattr(self.model, kind)(name).id)

    def _joint(self, number: int, field: str) -> Array:
        if field not in ("angle", "displacement", "velocity"):
            raise KeyError(field)
        start = (self.model.jnt_dofadr if field == "velocity" else self.model.jnt_qposadr)[number]
        array = self.data.qvel if field == "velocity" else self.data.qpos
        return np.asarray(array[start : start + 1].reshape(()))

    def _sensor(self, number: int, field: str) -> Array:
        if field != "reading":
            raise KeyError(field)
        start, size = self.model.sensor_adr[number], self.model.sensor_dim[number]
        whole = np.asarray(self.data.sensordata)[start : start + size]
        return whole.reshape(()) if size == 1 else whole

    def _whole(self, field: str) -> Array:
        if field == "actuator_force":
            return np.asarray(self.data.actuator_force)
        if field == "center_of_mass":
            return np.asarray(self.data.subtree_com[0])
        if field != "center_of_mass_velocity":
            raise KeyError(field)
        import mujoco

        model, data = self.model, self.data
        self.updates["subtree"] = lambda: mujoco.mj_subtreeVel(model, data)
        return np.asarray(data.subtree_linvel[0])

    def _body(self, number: int, field: str) -> Array:
        data = self.data
        if field == "position":
            return np.asarray(data.xpos[number])
        if field == "quaternion":
            return np.asarray(data.xquat[number])
        if field == "up":
            return np.asarray(data.xmat[number][2::3])
        if field == "contact_force":
            if not self.computes_forces:
                self._compute_forces()
            return np.asarray(data.cfrc_ext[number][3:6])
        if field in ("linear_velocity", "angular_velocity"):
            velocity = self._velocity(number)
            return velocity[3:] if field == "linear_velocity" else velocity[:3]
        raise KeyError(field)

    def _velocity(self, number: int) -> Array:
        """Angular, then linear velocity of a body: `mj_objectVelocity` gives them at the frame's origin."""
        if number not in self._velocities:
            import mujoco

            result = np.zeros(6)
            model, data, body = self.model, self.data, mujoco.mjtObj.mjOBJ_XBODY
            self.updates[f"velocity {number}"] = lambda: mujoco.mj_objectVelocity(model, data, body, number, result, 0)
            self._velocities[number] = result
        return self._velocities[number]

    def _compute_forces(self) -> None:
        """Gymnasium's own environments leave `cfrc_ext` up to date after a step; others need not."""
        import mujoco

        model, data = self.model, self.data
        self.updates["forces"] = lambda: mujoco.mj_rnePostConstraint(model, data)


def _entries(array: Array, index: int | tuple[int, ...]) -> Array:
    """Copy one entry, shape (), or some entries, shape (k,), of a flattened array."""
    return np.array(array.reshape(-1)[index if isinstance(index, int) else list(index)])


def split_index(address: str) -> tuple[str, int | tuple[int, ...] | None]:
    """Cut the index off an address."""
    match = re.fullmatch(r"(.+)@(-?\d+(?:,-?\d+)*)(,?)", address)
    if match is None:
        return address, None
    numbers = tuple(int(number) for number in match[2].split(","))
    return match[1], numbers if len(numbers) > 1 or match[3] else numbers[0]


def mujoco_model(env: Any) -> Any:
    """Find the MuJoCo model of an environment that has one as `model`, beside its `data`."""
    model, data = getattr(env, "model", None), getattr(env, "data", None)
    return model if type(model).__name__ == "MjModel" and type(data).__name__ == "MjData" else None


def _is_gymnasium_mujoco(env: Any) -> bool:
    return any(base.__module__ == "gymnasium.envs.mujoco.mujoco_env" for base in type(env).__mro__)
