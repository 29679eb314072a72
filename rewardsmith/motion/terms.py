"""What each call of the reward API costs.

Residuals, norms and weights are those of L2R's controller (arXiv 2306.08647; released code). It has no terms for
contacts, single joints and the tip of an arm: these have the smooth absolute value, as most others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import radians

import numpy as np

from rewardsmith.domain.robot import Foot, Robot, Vector
from rewardsmith.motion.api import Entry, calls, range_of
from rewardsmith.motion.norms import length, quadratic, smooth
from rewardsmith.motion.sheet import Sheet

SOFT = 0.1
"""Softness p of norms, in the residual's unit (L2R: 0.05 to 0.1)."""
SOFT_TIP = 0.01
"""The same for the tip of an arm, whose targets are a few centimetres away."""


class Writer:
    """Writes the term of one call."""

    def __init__(self, sheet: Sheet, robot: Robot, entry: Entry) -> None:
        self.sheet, self.robot, self.entry = sheet, robot, entry

    def of(self, argument: str) -> str:
        """The parameter that holds an argument."""
        call = calls(self.robot)[self.entry.call]
        found = call.argument(argument)
        assert found is not None
        values = None if argument == "weight" else range_of(self.robot, call, found, self.entry.subject)
        return self.sheet.parameter(self.entry.parameter(argument), self.entry.values[argument], values)

    def soft(
        self, component: str, residual: str, at_rest: float, *, share: float = 1.0, softness: float = SOFT
    ) -> None:
        """A term under the smooth absolute value.

        Args:
            component: Its name.
            residual: Expression of shape (N,).
            at_rest: The residual while the robot rests.
            share: Of the call's weight.
            softness: Of the norm.
        """
        self._cost(component, f"smooth({residual}, {softness})", smooth(np.array([at_rest]), softness)[0], share)

    def vector(self, component: str, residual: str, at_rest: tuple[float, ...], *, softness: float = SOFT) -> None:
        """A term under the length of a residual of shape (N, d)."""
        self._cost(component, f"length({residual}, {softness})", length(np.array([at_rest]), softness)[0], 1.0)

    def squared(self, component: str, residual: str, at_rest: tuple[float, ...]) -> None:
        """A term under half the squared length of a residual of shape (N, d), half the square of one of shape (N,)."""
        norm = f"quadratic({residual})" if len(at_rest) > 1 else f"0.5 * np.square({residual})"
        self._cost(component, norm, quadratic(np.array([at_rest]))[0], 1.0)

    def _cost(self, component: str, norm: str, at_rest: float, share: float) -> None:
        weight = self.of("weight") if share == 1.0 else f"{share} * {self.of('weight')}"
        self.sheet.cost(component, weight, norm, share * self.entry.values["weight"] * float(at_rest))

    def torso(self, quantity: str) -> str:
        """A signal of the torso."""
        return self.sheet.signal(f"{self.robot.torso}_{quantity}")

    def axis(self, direction: Vector) -> str:
        """A direction of the torso's frame in world axes, shape (N, 3)."""
        name = {(1.0, 0.0, 0.0): "front", (0.0, 1.0, 0.0): "left"}[direction]
        return self.sheet.let(name, f"rotated({self.torso('quaternion')}, {direction})")

    def facing(self) -> str:
        """Where the torso faces on the ground, shape (N, 2)."""
        return self.sheet.let("facing", f"facing_of({self.axis((1.0, 0.0, 0.0))})")

    def ahead(self, vector: str) -> str:
        """The part of a vector (N, 3) that points where the torso faces; along x for what cannot turn."""
        return f"{vector}[:, 0]" if self.robot.planar else f"ahead({vector}, {self.facing()})"

    def foot(self) -> tuple[Foot, str]:
        """The foot that the call is about, and its place, shape (N, 3)."""
        name = self.entry.subject
        foot = self.robot.feet[name]
        place = self.sheet.signal(f"{foot.body}_position")
        if any(foot.tip):
            turned = f"rotated({self.sheet.signal(f'{foot.body}_quaternion')}, {foot.tip})"
            place = self.sheet.let(f"{name}_foot", f"{place} + {turned}")
        return foot, place

    def from_torso(self, place: str) -> str:
        """The way from the torso to the foot that the call is about, shape (N, 3)."""
        return self.sheet.let(f"{self.entry.subject}_offset", f"{place} - {self.torso('position')}")


def _torso_height(w: Writer) -> None:
    rest = (w.robot.height or 0.0) - w.entry.values["height"]
    w.soft("height", f"{w.torso('position')}[:, 2] - {w.of('height')}", rest)


def _torso_pitch(w: Writer) -> None:
    front = w.axis((1.0, 0.0, 0.0))
    flat = f"{front}[:, 0]" if w.robot.planar else f"np.hypot({front}[:, 0], {front}[:, 1])"
    pitch = w.sheet.let("elevation", f"np.arctan2({front}[:, 2], {flat})")
    w.soft("pitch", f"wrapped({pitch} - np.radians({w.of('pitch')}))", radians(w.entry.values["pitch"]))


def _torso_roll(w: Writer) -> None:
    left = w.axis((0.0, 1.0, 0.0))
    lean = w.sheet.let("lean", f"np.arctan2({left}[:, 2], {w.torso('up')}[:, 2])")
    w.soft("roll", f"wrapped({lean} - np.radians({w.of('roll')}))", radians(w.entry.values["roll"]))


def _torso_place(w: Writer) -> None:
    place, at = w.torso("position"), w.entry.values
    columns, rest = [f"{place}[:, 0] - {w.of('x')}"], [at["x"]]
    if not w.robot.planar:
        columns.append(f"{place}[:, 1] - {w.of('y')}")
        rest.append(at["y"])
    w.vector("place", f"stacked({', '.join(columns)})", tuple(rest))


def _torso_velocity(w: Writer) -> None:
    velocity, at = w.torso("linear_velocity"), w.entry.values
    w.soft("forward_velocity", f"{w.ahead(velocity)} - {w.of('forward')}", at["forward"])
    if not w.robot.planar:
        w.soft("sideways_velocity", f"aside({velocity}, {w.facing()}) - {w.of('sideways')}", at["sideways"])


def _torso_heading(w: Writer) -> None:
    goal = w.sheet.let("goal", f"np.radians({w.of('heading')})")
    at = radians(w.entry.values["heading"])
    w.squared("heading", f"{w.facing()} - np.array([np.cos({goal}), np.sin({goal})])", (1.0 - np.cos(at), -np.sin(at)))


def _torso_turning(w: Writer) -> None:
    residual = f"{w.torso('angular_velocity')}[:, 2] - {w.of('rate')}"
    w.squared("turning", residual, (w.entry.values["rate"],))


def _foot_position(w: Writer) -> None:
    foot, place = w.foot()
    name, at = w.entry.subject, w.entry.values
    if "lift" in at:
        w.soft(f"{name}_lift", f"{place}[:, 2] - {foot.height} - {w.of('lift')}", at["lift"])
    if "forward" in at:
        residual = f"{w.ahead(w.from_torso(place))} - {foot.stance[0]} - {w.of('forward')}"
        w.soft(f"{name}_forward", residual, at["forward"], share=0.5)
    if "inward" in at:
        sign = "+" if foot.stance[1] >= 0 else "-"
        residual = f"aside({w.from_torso(place)}, {w.facing()}) - {foot.stance[1]} {sign} {w.of('inward')}"
        w.soft(f"{name}_inward", residual, at["inward"], share=0.5)


def _foot_stepping(w: Writer) -> None:
    foot, place = w.foot()
    name, at = w.entry.subject, w.entry.values
    cycle = f"({w.sheet.clock()} * {w.of('frequency')} + {w.of('phase')}) % 1.0"
    phase, air = w.sheet.let(f"{name}_phase", cycle), w.of("air")
    rise = f"{w.of('lift')} * np.sin(np.pi * flight({phase}, {air}))"
    w.soft(f"{name}_step_height", f"{place}[:, 2] - {foot.height} - {rise}", at["lift"] * at["air"])
    stride = f"{w.of('swing')} * swing({phase}, {air})"
    w.soft(
        f"{name}_step_swing",
        f"{w.ahead(w.from_torso(place))} - {foot.stance[0]} - {stride}",
        at["swing"] / 2.0,
        share=0.2,
    )


def _foot_contact(w: Writer) -> None:
    force = w.sheet.signal(f"{w.robot.feet[w.entry.subject].body}_contact_force")
    touch = f"np.tanh(np.linalg.norm({force}, axis=1) / {w.robot.contact})"
    w.soft(f"{w.entry.subject}_contact", f"{touch} - {w.of('touching')}", 1.0 - w.entry.values["touching"])


def _joint_pose(w: Writer) -> None:
    joint = w.robot.joints[w.entry.subject]
    residual = f"{w.sheet.signal(f'{joint.joint}_angle')} - np.radians({w.of('angle')})"
    w.soft(f"{w.entry.subject}_pose", residual, radians(joint.nominal - w.entry.values["angle"]))


def _tip(w: Writer) -> str:
    return w.sheet.signal(f"{w.robot.tip}_position")


def _tip_place(w: Writer) -> None:
    goal = f"np.array([{w.of('x')}, {w.of('y')}])"
    w.vector("tip_place", f"{_tip(w)}[:, :2] - {goal}", (0.0, 0.0), softness=SOFT_TIP)


def _tip_at(w: Writer) -> None:
    thing = w.sheet.signal(f"{w.robot.objects[w.entry.subject]}_position")
    goal = f"{thing}[:, :2] - np.array([{w.of('x')}, {w.of('y')}])"
    w.vector(f"tip_at_{w.entry.subject}", f"{_tip(w)}[:, :2] - {goal}", (0.0, 0.0), softness=SOFT_TIP)


def _tip_speed(w: Writer) -> None:
    speed = f"np.linalg.norm({w.sheet.signal(f'{w.robot.tip}_linear_velocity')}, axis=1)"
    w.soft("tip_speed", f"{speed} - {w.of('speed')}", w.entry.values["speed"], softness=SOFT_TIP)


TERMS: Mapping[str, Callable[[Writer], None]] = {
    "torso_height": _torso_height,
    "torso_pitch": _torso_pitch,
    "torso_roll": _torso_roll,
    "torso_place": _torso_place,
    "torso_velocity": _torso_velocity,
    "torso_heading": _torso_heading,
    "torso_turning": _torso_turning,
    "foot_position": _foot_position,
    "foot_stepping": _foot_stepping,
    "foot_contact": _foot_contact,
    "joint_pose": _joint_pose,
    "tip_place": _tip_place,
    "tip_at": _tip_at,
    "tip_speed": _tip_speed,
}


def always(sheet: Sheet, robot: Robot) -> None:
    """The terms that no program sets.

    `alive` is what staying in the episode pays beyond what all targets cost at rest: a planner like L2R's knows no end
    of an episode, but where one ends early and every step costs, a policy learns to end it.
    """
    weights = robot.always
    if weights.posture and robot.joints:
        angles = ", ".join(sheet.signal(f"{joint.joint}_angle") for joint in robot.joints.values())
        rest = sheet.constant("REST", f"np.radians({[joint.nominal for joint in robot.joints.values()]})")
        residual = f"stacked({angles}) - {rest}"
        sheet.cost("posture", sheet.parameter("posture_weight", weights.posture), f"quadratic({residual})", 0.0)
    if weights.effort:
        weight = sheet.parameter("effort_weight", weights.effort)
        sheet.cost("effort", weight, f"quadratic({sheet.signal('action')})", 0.0)
    if weights.alive:
        weight = sheet.parameter("alive_weight", round(weights.alive + sheet.cost_at_rest, 3))
        sheet.pay("alive", f"{weight} * np.where({sheet.signal('terminated')}, 0.0, 1.0)")
