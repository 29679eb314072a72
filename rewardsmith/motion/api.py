"""The reward API of a robot: its calls with their arguments. What a prompt says of it and what checks it are one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from rewardsmith.domain.robot import Range, Robot

PREFIX = "set_"
RESET = "reset_reward"
"""The call after which nothing of the parent's program stands any more."""
WEIGHTS = Range(low=0.0, high=10.0)


@dataclass(frozen=True)
class Argument:
    """One argument of a call."""

    name: str
    meaning: str
    """With its unit."""
    values: Range | tuple[str, ...]
    """The numbers that it takes, or the names."""
    default: float | None = None
    """What it is when it is left out; without one it is needed."""
    optional: bool = False
    """Whether it may be left out without a default: then its term is."""


@dataclass(frozen=True)
class Call:
    """One call: a target that costs a weight times a norm of the distance from it."""

    name: str
    """Without `set_`."""
    meaning: str
    arguments: tuple[Argument, ...]
    """The first names what it is about where it takes names; the last is the weight."""
    excludes: tuple[str, ...] = ()
    """Calls that contradict it."""

    @property
    def subjects(self) -> tuple[str, ...]:
        """What it may be about; one empty name where that is plain."""
        first = self.arguments[0].values
        return first if isinstance(first, tuple) else ("",)

    @property
    def numbers(self) -> tuple[Argument, ...]:
        """Its arguments that are numbers."""
        return tuple(argument for argument in self.arguments if isinstance(argument.values, Range))

    def argument(self, name: str) -> Argument | None:
        """The argument of that name."""
        return next((argument for argument in self.arguments if argument.name == name), None)


@dataclass(frozen=True)
class Entry:
    """A call that was made."""

    call: str
    """Its name, without `set_`."""
    subject: str
    """What it is about; empty where that is plain."""
    values: dict[str, float]
    """Its numbers by argument; optional ones that were left out are not there."""

    @property
    def key(self) -> tuple[str, str]:
        """What a later call of the same key takes the place of."""
        return self.call, self.subject

    def parameter(self, argument: str) -> str:
        """The parameter of the reward that holds an argument."""
        return "_".join(part for part in (self.call, self.subject, argument) if part)


Plan: TypeAlias = tuple[Entry, ...]


def _number(
    name: str, meaning: str, values: Range, default: float | None = None, *, optional: bool = False
) -> Argument:
    return Argument(name, meaning, values, default, optional)


def _weighted(name: str, meaning: str, weight: float, *arguments: Argument, excludes: tuple[str, ...] = ()) -> Call:
    """A call with its weight, by default what L2R's controller has for the term."""
    given = _number("weight", "how much it matters", WEIGHTS, weight)
    return Call(name, meaning, (*arguments, given), excludes)


def _every_call(robot: Robot) -> dict[str, Call]:
    """Every call that there is. Default weights: L2R's (arXiv 2306.08647, released code) where it has the term."""
    ranges, sides = robot.ranges, not robot.planar
    foot = Argument("foot", "which foot", tuple(robot.feet))
    place = _number("x", "m along the x axis", ranges.place)
    aside = _number("y", "m along the y axis", ranges.place)
    sideways = _number("sideways", "m/s to its left", ranges.speed, 0.0)
    inward = _number("inward", "m towards the middle from where it stands", ranges.reach, optional=True)
    share = Range(low=0.0, high=1.0)
    upright = Range(low=-180.0, high=180.0) if robot.planar else ranges.pitch
    at = (place, aside) if sides else (place,)
    calls = (
        _weighted("torso_height", "Height of the torso above the ground.", 0.5, _number("height", "m", ranges.height)),
        _weighted(
            "torso_pitch", "How far the front of the torso points up.", 0.6, _number("pitch", "degrees", upright)
        ),
        _weighted("torso_roll", "How far the torso leans to its right.", 1.0, _number("roll", "degrees", ranges.roll)),
        _weighted("torso_place", "Where the torso is.", 0.6, *at, excludes=("torso_velocity",)),
        _weighted(
            "torso_velocity",
            "Velocity of the torso, seen from where it faces." if sides else "Velocity of the torso along the x axis.",
            0.1,
            _number("forward", "m/s, backward where negative", ranges.speed),
            *((sideways,) if sides else ()),
            excludes=("torso_place",),
        ),
        _weighted(
            "torso_heading",
            "Where the torso faces on the ground.",
            0.6,
            _number("heading", "degrees to the left of the x axis", ranges.heading),
            excludes=("torso_turning",),
        ),
        _weighted(
            "torso_turning",
            "How fast the torso turns about the vertical.",
            0.6,
            _number("rate", "rad/s to the left", ranges.turning),
            excludes=("torso_heading",),
        ),
        _weighted(
            "foot_position",
            "Where a foot is, from where it stands at rest; name one or more of the distances.",
            1.0,
            foot,
            _number("lift", "m up", ranges.lift, optional=True),
            _number("forward", "m forward", ranges.reach, optional=True),
            *((inward,) if sides else ()),
        ),
        _weighted(
            "foot_stepping",
            "Steps of a foot, over and over: in the air it rises and swings forward, on the ground it goes back.",
            1.0,
            foot,
            _number("frequency", "steps per second", ranges.frequency),
            _number("phase", "share of a cycle by which it is ahead", share, 0.0),
            _number("air", "share of a cycle that it is in the air", share, 0.5),
            _number("lift", "m that it rises", ranges.lift, 0.1),
            _number("swing", "m that it swings to either side of where it stands", ranges.reach, 0.1),
        ),
        _weighted(
            "foot_contact",
            "Whether a foot touches.",
            0.5,
            foot,
            _number("touching", "1 for touching, 0 for staying off", share),
        ),
        _weighted(
            "joint_pose",
            "Angle of a joint.",
            0.5,
            Argument("joint", "which joint", tuple(robot.joints)),
            _number("angle", "degrees", _joint_range(robot)),
        ),
        _weighted("tip_place", "Where the tip is.", 1.0, place, aside, excludes=("tip_at",)),
        _weighted(
            "tip_at",
            "The tip at an object, or beside it.",
            1.0,
            Argument("thing", "which object", tuple(robot.objects)),
            _number("x", "m beside it along the x axis", ranges.place, 0.0),
            _number("y", "m beside it along the y axis", ranges.place, 0.0),
            excludes=("tip_place",),
        ),
        _weighted("tip_speed", "How fast the tip moves.", 0.1, _number("speed", "m/s", ranges.speed)),
    )
    return {call.name: call for call in calls}


def _joint_range(robot: Robot) -> Range:
    lows, highs = [j.low for j in robot.joints.values()], [j.high for j in robot.joints.values()]
    return Range(low=min(lows), high=max(highs)) if lows else Range(low=-180.0, high=180.0)


EVERY = tuple(_every_call(Robot(title="any", terms=("any",))))
"""Names of all terms that a robot may have."""


def calls(robot: Robot) -> dict[str, Call]:
    """The calls of a robot by name, without `set_`."""
    return {name: call for name, call in _every_call(robot).items() if name in robot.terms}


def range_of(robot: Robot, call: Call, argument: Argument, subject: str) -> Range:
    """The numbers that an argument may take for what it is about: each joint has its own; any one's where none is."""
    assert isinstance(argument.values, Range)
    if call.name == "joint_pose" and argument.name == "angle" and subject:
        joint = robot.joints[subject]
        return Range(low=joint.low, high=joint.high)
    return argument.values


def document(robot: Robot) -> str:
    """The API as a prompt shows it."""
    lines = [
        f"Every call takes a weight, {WEIGHTS.low:g} to {WEIGHTS.high:g}, which says how much it matters: its usual "
        "one stands in the call, and 0 takes the target away.",
        f"{RESET}()",
        "    Takes away all targets of the program that this one corrects. Without it they stay as they are.",
    ]
    for call in calls(robot).values():
        lines.append(f"{PREFIX}{call.name}({', '.join(_shown(argument) for argument in call.arguments)})")
        lines.append(f"    {call.meaning}")
        lines += [f"    {argument.name}: {_values(robot, call, argument)}" for argument in call.arguments[:-1]]
        excluded = [f"{PREFIX}{name}" for name in call.excludes if name in robot.terms]
        if excluded:
            lines.append(f"    Not together with {', '.join(excluded)}.")
    return "\n".join(lines)


def _shown(argument: Argument) -> str:
    if argument.optional:
        return f"{argument.name}=..."
    return argument.name if argument.default is None else f"{argument.name}={argument.default:g}"


def _values(robot: Robot, call: Call, argument: Argument) -> str:
    if not isinstance(argument.values, Range):
        named = ", ".join(f'"{name}"' for name in argument.values)
        return f"{argument.meaning}: {named}"
    said = f"{argument.meaning}; {argument.values.low:g} to {argument.values.high:g}"
    if call.name == "joint_pose" and argument.name == "angle":
        each = (f"{name} {j.low:g} to {j.high:g}, {j.nominal:g} at rest" for name, j in robot.joints.items())
        return f"{argument.meaning}; {'; '.join(each)}"
    return said + ("; may be left out" if argument.optional else "")
