"""Finds the signals of an environment: which quantities it has, what they are, and where they are read."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import gymnasium
import numpy as np

from rewardsmith.export.signals import SignalReader, mujoco_model

BODY_FIELDS = {
    "position": ("m", "position of the frame of body {0}, world axes"),
    "quaternion": ("", "orientation of body {0} as (w, x, y, z)"),
    "up": ("", "z axis of body {0} in the world; (0, 0, 1) is upright"),
    "linear_velocity": ("m/s", "linear velocity of body {0} at its frame's origin, world axes"),
    "angular_velocity": ("rad/s", "angular velocity of body {0}, world axes"),
    "contact_force": ("N", "sum of the contact and constraint forces on body {0}, world axes"),
}
JOINT_FIELDS = {
    "angle": ("rad", "angle of hinge joint {0}"),
    "displacement": ("m", "position of slide joint {0} along its axis"),
    "velocity": ("{1}/s", "velocity of joint {0}"),
}
MODEL_FIELDS = {
    "center_of_mass": ("m", "center of mass of all bodies, world axes"),
    "center_of_mass_velocity": ("m/s", "velocity of the center of mass of all bodies, world axes"),
    "actuator_force": ("N or N m", "force or torque of each actuator"),
}
SENSOR_UNITS = {
    "touch": "N",
    "accelerometer": "m/s^2",
    "velocimeter": "m/s",
    "gyro": "rad/s",
    "force": "N",
    "torque": "N m",
    "rangefinder": "m",
    "framepos": "m",
    "framelinvel": "m/s",
    "frameangvel": "rad/s",
    "subtreecom": "m",
    "subtreelinvel": "m/s",
}
"""By MuJoCo's name of the sensor's kind; of the others the unit is not the same for all."""
RESERVED = frozenset({"memory", "dt", "horizon"})


class FoundSignal(NamedTuple):
    """One signal of an environment: its name, how a row of it looks, what it is, and where it is read."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    unit: str
    meaning: str
    reader: str


class NamedData(Protocol):
    """What a task file says about a signal that it names as data."""

    @property
    def source(self) -> str:
        """`observation`, `info`, `qpos`, `qvel` or `sensordata`."""

    @property
    def index(self) -> int | Sequence[int] | None:
        """Entry or entries of the flattened array; None for all of it."""

    @property
    def key(self) -> str | None:
        """Entry of `info` or of a Dict observation."""

    @property
    def unit(self) -> str:
        """Physical unit."""

    @property
    def meaning(self) -> str:
        """What it is, in one line."""


def discover(
    env: gymnasium.Env[Any, Any],
    specs: Mapping[str, NamedData] | None = None,
    *,
    info: Mapping[str, Any] | None = None,
    dropped: tuple[str, ...] = (),
) -> dict[str, FoundSignal]:
    """Find the signals of an environment, by name, in a stable order.

    Args:
        env: the environment, reset at least once.
        specs: signals that the task file names as data; they come last and win over others of the same name.
        info: the entries of `info` that every step has, with a sample value; numbers and arrays of numbers count.
        dropped: entries of `info` that the environment's reward computed, which are no signals.

    Raises:
        ValueError: a spec asks for data that the environment does not have.
    """
    found: dict[str, FoundSignal] = {}
    for signal in (*_of_model(env.unwrapped), *_of_spaces(env), *_of_info(info or {}, dropped)):
        if signal.name not in RESERVED and not signal.name.startswith("prev_"):
            found.setdefault(signal.name, signal)
    for name, spec in (specs or {}).items():
        found[name] = _of_spec(env, name, spec, info or {})
    return found


def _of_model(env: Any) -> Iterator[FoundSignal]:
    """Bodies, joints, sites, sensors and totals of a MuJoCo model, by its own names."""
    model = mujoco_model(env)
    if model is None:
        return
    joints = {number: model.joint(number) for number in range(model.njnt)}
    names = {number: joint.name or f"joint_{number}" for number, joint in joints.items()}
    bodies = []
    for number in range(1, model.nbody):
        own = model.body(number).name
        joint = next((names[j] for j in joints if model.jnt_bodyid[j] == number), None)
        name = own or (f"{joint}_body" if joint else f"body_{number}")
        bodies.append(name)
        for field, (unit, meaning) in BODY_FIELDS.items():
            shape = (4,) if field == "quaternion" else (3,)
            reader = f"body:{own or f'#{number}'}:{field}"
            yield FoundSignal(_identifier(f"{name}_{field}"), shape, "float64", unit, meaning.format(name), reader)
    for number, joint in joints.items():
        hinge, slide = model.jnt_type[number] == 3, model.jnt_type[number] == 2
        for field in ("angle",) * bool(hinge) + ("displacement",) * bool(slide) + ("velocity",) * bool(hinge or slide):
            unit, meaning = JOINT_FIELDS[field]
            unit = unit.format("", "rad" if hinge else "m")
            reader = f"joint:{joint.name or f'#{number}'}:{field}"
            name = _identifier(f"{names[number]}_{field}")
            yield FoundSignal(name, (), "float64", unit, meaning.format(names[number]), reader)
    for number in range(model.nsite):
        own = model.site(number).name
        name = own or f"site_{number}"
        title = _identifier(f"{name}_site_position" if name in bodies else f"{name}_position")
        reader = f"site:{own or f'#{number}'}:position"
        yield FoundSignal(title, (3,), "float64", "m", f"position of site {name}, world axes", reader)
    yield from _of_sensors(model)
    for field, (unit, meaning) in MODEL_FIELDS.items():
        size = model.nu if field == "actuator_force" else 3
        if size:
            yield FoundSignal(field, (size,), "float64", unit, meaning, f"model:{field}")


def _of_sensors(model: Any) -> Iterator[FoundSignal]:
    """Sensors that have a name."""
    import mujoco

    kinds = {int(kind): name.removeprefix("mjSENS_").lower() for name, kind in mujoco.mjtSensor.__members__.items()}
    for number in range(model.nsensor):
        name, size = model.sensor(number).name, int(model.sensor_dim[number])
        if name:
            kind, shape = kinds[int(model.sensor_type[number])], () if size == 1 else (size,)
            meaning, unit = f"reading of sensor {name}, a MuJoCo {kind}", SENSOR_UNITS.get(kind, "")
            yield FoundSignal(_identifier(f"{name}_reading"), shape, "float64", unit, meaning, f"sensor:{name}:reading")


def _of_spaces(env: gymnasium.Env[Any, Any]) -> Iterator[FoundSignal]:
    """Observation, action and `terminated`."""
    for label, space, meaning in (
        ("observation", env.observation_space, "what the policy sees"),
        ("action", env.action_space, "what the environment received"),
    ):
        parts = space.spaces.items() if isinstance(space, gymnasium.spaces.Dict) else [(None, space)]
        for key, part in parts:
            if part.shape is None:
                continue
            discrete = label == "action" and not isinstance(part, gymnasium.spaces.Box)
            name = label if key is None else f"{label}_{key}"
            reader = label if key is None else f"{label}:{key}"
            line = meaning if key is None else f"{meaning}: entry {key!r}"
            yield FoundSignal(_identifier(name), part.shape, "int64" if discrete else "float64", "", line, reader)
    meaning = "whether the episode ended by itself in this step (not by the time limit)"
    yield FoundSignal("terminated", (), "bool", "", meaning, "terminated")


def _of_info(info: Mapping[str, Any], dropped: tuple[str, ...]) -> Iterator[FoundSignal]:
    """Numeric entries of `info` that the reward did not compute."""
    for key, value in info.items():
        array = np.asarray(value)
        if key not in dropped and array.dtype.kind in "fiub" and array.size:
            meaning = f"entry {key!r} of the environment's info" + (" (0 or 1)" if array.dtype.kind == "b" else "")
            yield FoundSignal(_identifier(key), array.shape, "float64", "", meaning, f"info:{key}")


def _of_spec(env: gymnasium.Env[Any, Any], name: str, spec: NamedData, info: Mapping[str, Any]) -> FoundSignal:
    """Describe a signal that the task file names as data; its shape is found by reading it once."""
    reader = spec.source if spec.key is None else f"{spec.source}:{spec.key}"
    if isinstance(spec.index, int):
        reader += f"@{spec.index}"
    elif spec.index is not None:
        reader += "@" + ",".join(str(i) for i in spec.index) + ("," if len(spec.index) == 1 else "")
    try:
        once = SignalReader(env, {name: reader})
        row = once.read(env.observation_space.sample(), env.action_space.sample(), False, info)[name]
    except (ValueError, IndexError, KeyError, TypeError) as error:
        raise ValueError(f"signal {name!r}: {reader} cannot be read: {type(error).__name__}: {error}") from error
    return FoundSignal(name, row.shape, "float64", spec.unit, spec.meaning, reader)


def _identifier(name: str) -> str:
    """`name` as a Python identifier."""
    name = re.sub(r"\W", "_", name, flags=re.ASCII)
    return f"_{name}" if name[:1].isdigit() or keyword.iskeyword(name) else name
