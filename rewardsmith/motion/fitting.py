"""Whether a robot's file is whole, and whether the environment has all that it names."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from rewardsmith.domain.robot import Robot
from rewardsmith.domain.task import Task
from rewardsmith.errors import TaskError, near_misses
from rewardsmith.motion.api import EVERY
from rewardsmith.motion.description import bullets

_NEEDS = {"torso": "torso", "foot": "feet", "joint": "joints", "tip": "tip"}
"""First word of a term: the key that it needs."""


def robot_of(task: Task) -> Robot:
    """The robot of a task.

    Raises:
        TaskError: Nobody has written it.
    """
    if task.robot is None:
        raise TaskError(
            f"task {task.name} has no robot, so that no motion can be described for it",
            hint="write robot.toml beside its task.toml (docs/recipes.md), or name a task with the same robot there: "
            'robot = "ant"',
        )
    return task.robot


def check_whole(robot: Robot, place: str) -> None:
    """Look for terms and slots that there are not, and for what terms need.

    Args:
        robot: As its file says.
        place: The file, for the message.

    Raises:
        TaskError: Names the key and the near misses.
    """
    for term in robot.terms:
        if term not in EVERY:
            raise _fault(place, f"terms: there is no term {term!r}", term, EVERY)
        needed = _NEEDS[term.partition("_")[0]]
        if not getattr(robot, needed):
            raise TaskError(f"{place}: {needed} is missing, which the term {term} needs")
        if term == "tip_at" and not robot.objects:
            raise TaskError(f"{place}: objects is missing, which the term {term} needs")
        if robot.planar and term in ("torso_roll", "torso_heading", "torso_turning"):
            raise TaskError(f"{place}: terms: a planar robot has no {term}")
        if term == "torso_height" and robot.height is None:
            raise TaskError(f"{place}: height is missing, which the term {term} needs")
        if term.startswith("foot") and robot.torso is None:
            raise TaskError(f"{place}: torso is missing, which the term {term} needs: feet are told from there")
    try:
        bullets(robot)
    except ValueError as fault:
        raise TaskError(f"{place}: bullets: {fault}", hint="write {term.argument}, or {this | that}") from fault
    if not robot.bullets:
        raise TaskError(f"{place}: bullets is missing: what a description of a motion says")


def check_fits(task: Task, signals: Collection[str]) -> None:
    """Compare a task's robot with the signals that its environment really has.

    Raises:
        TaskError: Names the body or joint that there is not, and the near misses.
    """
    bodies = [name.removesuffix("_quaternion") for name in signals if name.endswith("_quaternion")]
    joints = [name.removesuffix("_angle") for name in signals if name.endswith("_angle")]
    for key, kind, name, known in _named(robot_of(task), bodies, joints):
        if name not in known:
            raise _fault(f"robot of task {task.name}", f"{key}: the environment has no {kind} {name!r}", name, known)


def _named(
    robot: Robot, bodies: Collection[str], joints: Collection[str]
) -> Iterator[tuple[str, str, str, Collection[str]]]:
    for key, body in (("torso", robot.torso), ("tip", robot.tip)):
        if body is not None:
            yield key, "body", body, bodies
    for name, foot in robot.feet.items():
        yield f"[feet.{name}] body", "body", foot.body, bodies
    for name, joint in robot.joints.items():
        yield f"[joints] {name}", "hinge joint", joint.joint, joints
    for name, thing in robot.objects.items():
        yield f"[objects] {name}", "body", thing, bodies


def _fault(place: str, text: str, name: str, known: Collection[str]) -> TaskError:
    near = near_misses(name, known)
    asked = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    return TaskError(f"{place}: {text}{asked}", hint=f"there are: {', '.join(sorted(known)[:40])}")
