"""A robot: what a motion can be asked of it, as data."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from rewardsmith.domain.record import Record

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
"""What a foot, a joint or an object is called in prompts and in the reward API."""
Vector = tuple[float, float, float]


class Range(Record):
    """The numbers that an argument may take."""

    low: float
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if self.low >= self.high:
            raise ValueError("low must be less than high")
        return self


class Foot(Record):
    """A point that the robot stands on."""

    body: str
    """Body that carries it, as signals name it."""
    tip: Vector = (0.0, 0.0, 0.0)
    """The point in the body's frame, m."""
    stance: tuple[float, float]
    """Where it stands, m forward and left of the torso."""
    height: float
    """Height of the point above the ground when it stands, m."""


class Joint(Record):
    """A hinge."""

    joint: str
    """Its name, as signals have it."""
    nominal: float
    """Angle at rest, degrees."""
    low: float
    """Least angle, degrees."""
    high: float
    """Greatest angle, degrees."""


class Ranges(Record):
    """Between which numbers targets lie. The defaults are those of L2R's quadruped (arXiv 2306.08647)."""

    height: Range = Range(low=0.0, high=1.0)
    """Height of the torso, m."""
    pitch: Range = Range(low=-90.0, high=90.0)
    """Degrees."""
    roll: Range = Range(low=-180.0, high=180.0)
    """Degrees."""
    heading: Range = Range(low=-180.0, high=180.0)
    """Degrees."""
    place: Range = Range(low=-4.0, high=4.0)
    """Coordinates of torso or tip, m."""
    speed: Range = Range(low=-3.0, high=3.0)
    """m/s."""
    turning: Range = Range(low=-3.0, high=3.0)
    """rad/s."""
    lift: Range = Range(low=0.0, high=1.0)
    """Height of a foot above where it stands, m."""
    reach: Range = Range(low=-1.0, high=1.0)
    """A foot's way forward or inward from where it stands, m."""
    frequency: Range = Range(low=0.0, high=3.0)
    """Steps of one foot per second."""


class Always(Record):
    """Weights of the terms that no program sets; 0 leaves one out."""

    posture: float = Field(default=0.01, ge=0)
    """Of joints away from rest."""
    effort: float = Field(default=0.01, ge=0)
    """Of actions."""
    alive: float = Field(default=0.0, ge=0)
    """Of steps that do not end the episode: the other terms only cost, so that without it an agent learns to fall."""


class Robot(Record):
    """What a motion can be asked of a task's robot, and in which words it is described."""

    title: str = Field(min_length=1)
    """A few words: `four-legged ant`."""
    facts: tuple[str, ...] = ()
    """What one has to know to describe its motions, a sentence each."""
    planar: bool = False
    """Whether it moves in the plane of x and z only."""
    terms: tuple[str, ...] = Field(min_length=1)
    """Calls of the reward API that it has, without `set_`."""
    torso: str | None = None
    """Body whose place, velocity and orientation are those of the robot."""
    height: float | None = None
    """Height of the torso at rest, m."""
    contact: float = Field(default=10.0, gt=0)
    """Force on a foot that counts as a touch, N: about a quarter of what it carries at rest."""
    feet: dict[Name, Foot] = Field(default_factory=dict)
    joints: dict[Name, Joint] = Field(default_factory=dict)
    tip: str | None = None
    """Body of an arm's tip."""
    objects: dict[Name, str] = Field(default_factory=dict)
    """Bodies that the tip may be brought to."""
    ranges: Ranges = Ranges()
    always: Always = Always()
    bullets: tuple[str, ...] = ()
    """Lines that every description has, with slots: `{torso_height.height}`, or `{moves | stands}` for a choice."""
    optional: tuple[str, ...] = ()
    """Lines that a description may have, as often as their slots differ."""
