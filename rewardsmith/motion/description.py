"""The description of a motion: a robot's bullets with typed slots, and the check of one that was filled in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from rewardsmith.domain.robot import Range, Robot
from rewardsmith.errors import near_misses, one_line
from rewardsmith.motion.api import Argument, Call, calls, range_of

MOST_LINES = 60
MOST_FAULTS = 6
_SLOT = re.compile(r"\{([^{}]+)\}")
_BULLET = re.compile(r"\s*(?:[*\u2022-]|\d+[.)])\s+(.+)")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,2})?", re.ASCII)


@dataclass(frozen=True)
class Slot:
    """One gap of a bullet: a number, a name or a choice."""

    text: str
    """What stands between the braces."""
    call: Call | None = None
    """Call whose argument it is; absent for a choice."""
    argument: Argument | None = None

    @property
    def choices(self) -> tuple[str, ...]:
        """What it takes; empty for a number."""
        if self.argument is None:
            return tuple(choice.strip() for choice in self.text.split("|"))
        return () if isinstance(self.argument.values, Range) else self.argument.values

    def shown(self) -> str:
        """The gap as a prompt shows it."""
        if self.choices:
            return f"[one of: {', '.join(self.choices)}]"
        assert self.argument is not None
        assert isinstance(self.argument.values, Range)
        return f"[a number from {self.argument.values.low:g} to {self.argument.values.high:g}]"

    def fault(self, given: str, robot: Robot, subject: str) -> str:
        """What is wrong with what was filled in; empty where nothing is."""
        if self.choices:
            return "" if given.lower() in map(str.lower, self.choices) else f"{given!r} is none of {self._named()}"
        assert self.call is not None
        assert self.argument is not None
        if not _NUMBER.fullmatch(given):
            return f"{given!r} is no number"
        values = range_of(robot, self.call, self.argument, subject)
        within = values.low <= float(given) <= values.high
        return "" if within else f"{given} is not between {values.low:g} and {values.high:g}"

    def _named(self) -> str:
        return ", ".join(map(repr, self.choices))


@dataclass(frozen=True)
class Bullet:
    """One line of the template."""

    text: str
    """As the robot's file has it."""
    slots: tuple[Slot, ...]
    needed: bool
    """Whether every description has it."""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What a filled line looks like, its spaces single; no gap is tried twice, which could take for ever."""
        first, *pieces = map(re.escape, _SLOT.split(self.text)[::2])
        gaps = "".join(f"(?>(.{{1,80}}?){piece})" for piece in pieces[:-1])
        last = f"(.{{1,80}}?){pieces[-1]}" if pieces else ""
        return re.compile((first + gaps + last).removesuffix(r"\.") + r"\.?", re.IGNORECASE)

    def shown(self) -> str:
        """The line with its gaps."""
        slots = iter(self.slots)
        optional = "" if self.needed else "(optional) "
        return "* " + optional + _SLOT.sub(lambda _: next(slots).shown(), self.text)

    def filled(self, values: Sequence[str]) -> str:
        """The line with what was filled in, in our own words."""
        given = iter(values)
        return "* " + _SLOT.sub(lambda _: next(given), self.text)

    def calls(self) -> set[str]:
        """Calls that its slots are arguments of."""
        return {slot.call.name for slot in self.slots if slot.call}

    def subject(self, values: Sequence[str]) -> str:
        """The name among what was filled in; empty where there is none."""
        named = [v.lower() for s, v in zip(self.slots, values, strict=True) if s.argument is not None and s.choices]
        return named[0] if named else ""


@dataclass(frozen=True)
class Description:
    """An answer, checked."""

    text: str
    """Its lines in the template's own words: nothing in it was written by the model but numbers and choices."""
    faults: tuple[str, ...]
    """What is wrong with it, a sentence each; empty where it passes."""


def bullets(robot: Robot) -> tuple[Bullet, ...]:
    """The template of a robot.

    Raises:
        ValueError: A slot names no call or no argument of the robot; says which and the near misses.
    """
    lines = [(text, True) for text in robot.bullets] + [(text, False) for text in robot.optional]
    return tuple(Bullet(text, tuple(_slots(text, robot)), needed) for text, needed in lines)


def template(robot: Robot) -> str:
    """The template as a prompt shows it."""
    return "\n".join(bullet.shown() for bullet in bullets(robot))


def check(answer: str, robot: Robot) -> Description:
    """Read an answer: every needed line once, no line beside the template's, every slot filled with what it takes."""
    known = bullets(robot)
    found: list[tuple[Bullet, tuple[str, ...]]] = []
    faults: list[str] = []
    lines = [match[1].strip() for line in answer.splitlines() if (match := _BULLET.fullmatch(line))]
    if len(lines) > MOST_LINES:
        return Description("", (f"There are {len(lines)} lines; at most {MOST_LINES} are read.",))
    for line in lines:
        bare = " ".join(re.sub(r"^\(optional\)\s*|\*\*", "", line[:600], flags=re.IGNORECASE).split())
        matches = ((bullet, match) for bullet in known if (match := bullet.pattern.fullmatch(bare)))
        bullet, match = next(matches, (None, None))
        if bullet is None or match is None:
            faults.append(_stray(bare, known))
            continue
        values = tuple(value.strip() for value in match.groups())
        faults += _wrong(bullet, values, robot)
        found.append((bullet, values))
    faults += _missing(found, known, any_lines=bool(lines))
    faults += _contradictions(found, robot)
    text = "\n".join(bullet.filled(values) for bullet, values in found) if not faults else ""
    return Description(text, tuple(faults[:MOST_FAULTS]))


def _slots(text: str, robot: Robot) -> Iterator[Slot]:
    known = calls(robot)
    for gap in _SLOT.findall(text):
        if "|" in gap:
            yield Slot(gap)
            continue
        name, _, wanted = gap.strip().partition(".")
        call = known.get(name)
        argument = call.argument(wanted) if call else None
        if call is None or argument is None:
            names = [f"{c.name}.{a.name}" for c in known.values() for a in c.arguments]
            near = near_misses(gap, names)
            raise ValueError(f"{{{gap}}} is no slot" + (f"; did you mean {' or '.join(near)}?" if near else ""))
        yield Slot(gap, call, argument)


def _wrong(bullet: Bullet, values: Sequence[str], robot: Robot) -> list[str]:
    subject, wrong = bullet.subject(values), []
    for slot, given in zip(bullet.slots, values, strict=True):
        known = subject if slot.call and subject in slot.call.subjects else ""
        if fault := slot.fault(given, robot, known):
            wrong.append(f"In {bullet.shown()[2:]!r}: {one_line(fault, 120)}.")
    return wrong


def _stray(line: str, known: Sequence[Bullet]) -> str:
    near = near_misses(line, [bullet.shown()[2:] for bullet in known], most=1)
    if "[" in line or "{" in line:
        return f"A slot is left unfilled in {one_line(line, 160)!r}."
    said = f"{one_line(line, 160)!r} is no line of the template."
    return f"{said} The nearest is {near[0]!r}." if near else said


def _missing(found: Sequence[tuple[Bullet, tuple[str, ...]]], known: Sequence[Bullet], *, any_lines: bool) -> list[str]:
    if not any_lines:
        return ["There is no bullet list: answer with the lines of the template, each with a star in front."]
    faults, seen = [], set[tuple[str, str]]()
    for bullet, values in found:
        place = (bullet.text, bullet.subject(values))
        if place in seen:
            faults.append(f"{bullet.shown()[2:]!r} stands there twice for the same.")
        seen.add(place)
    given = {bullet.text for bullet, _ in found}
    return faults + [f"{b.shown()[2:]!r} is missing." for b in known if b.needed and b.text not in given]


def _contradictions(found: Sequence[tuple[Bullet, tuple[str, ...]]], robot: Robot) -> list[str]:
    known = calls(robot)
    named = {name for bullet, _ in found for name in bullet.calls()}
    pairs = {tuple(sorted((name, other))) for name in named for other in known[name].excludes if other in named}
    return [
        f"{a.replace('_', ' ').capitalize()} and {b.replace('_', ' ')} exclude each other." for a, b in sorted(pairs)
    ]
