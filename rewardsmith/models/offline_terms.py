"""The term library of the offline author: what one component of a reward may be, as values and as code.

A term is one shape over one or two signals: more or less of an entry, closeness to where an episode starts, the effort
of an action. The library holds every term that a survey's signals allow, by the name of its component. Weights
are told as *strengths*: a strength of 1 makes a term's contribution under random actions comparable to any other's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from rewardsmith.domain.survey import Probe, Signal, Survey

Floats = npt.NDArray[np.float64]

Shape = Literal[
    "alive",  # 1 while the episode goes on
    "finish",  # 1 when it ends by itself
    "linear",  # sign * entry
    "capped",  # sign * tanh(entry / scale)
    "steady",  # exp(-((entry - goal) / scale)^2)
    "beyond",  # max(sign * (entry - goal), 0)
    "change",  # sign * (entry - its value one step before)
    "size",  # sign * sum of squares of a signal
    "smoothness",  # -sum of squares of the change of a signal
    "distance",  # sign * distance between two positions
    "turning",  # sign * change of the heading that a quaternion gives, while the body is the right way up
]

CAP_AT = 1.25
"""Deviations under random actions at which a capped term levels off: a bounded main term trains more evenly than an
unbounded one, whose rare large values drown the rest (measured on ant: `benchmarks/offline_author.py`)."""

_AXES = {3: "xyz", 4: "wxyz"}


@dataclass(frozen=True)
class Term:
    """One possible component.

    Attributes:
        name: Name of the component; unique in a library.
        shape: Its form.
        signals: Base names of the signals that it reads.
        index: Entry of the first signal, for the shapes that read one entry of a vector.
        sign: 1 pays for it, -1 charges for it.
        spread: Typical size of its values under random actions, before any weight.
        goal: Value at which a `steady` term pays most.
        scale: Width of a `steady` term, or the value at which a `capped` one levels off.
        words: What it pays for, for the docstring.
    """

    name: str
    shape: Shape
    signals: tuple[str, ...]
    index: int | None = None
    sign: int = 1
    spread: float = 1.0
    goal: float = 0.0
    scale: float = 1.0
    words: str = ""

    @property
    def entry(self) -> str:
        """Code of the entry that it reads, shape (N,)."""
        return self.signals[0] if self.index is None else f"{self.signals[0]}[:, {self.index}]"

    @property
    def preparation(self) -> tuple[str, str] | None:
        """Name and right-hand side of an assignment before its own, for the shapes that need one."""
        if self.shape == "steady":
            return f"{self.name}_offset", f"({self.entry} - {self.name}_goal) / {self.name}_scale"
        if self.shape == "turning":
            return f"{self.name}_turned", f"turned(prev_{self.signals[0]}, {self.signals[0]})"
        return None

    @property
    def adjustable(self) -> tuple[str, ...]:
        """Numbers beside the weight that become parameters."""
        return {"capped": ("scale",), "steady": ("goal", "scale"), "beyond": ("goal",)}.get(self.shape, ())

    @property
    def arguments(self) -> tuple[str, ...]:
        """Arguments of the reward that it needs, `prev_` forms included."""
        if self.shape in ("change", "smoothness", "turning"):
            return (self.signals[0], f"prev_{self.signals[0]}", *self.signals[1:])
        return self.signals

    def weight(self, strength: float) -> float:
        """The weight that gives it this strength, to two digits."""
        return tidy(strength / self.spread)

    def expression(self, vector: bool) -> str:
        """Right-hand side of its assignment; its parameters are its name with `_weight`, `_scale` and `_goal`.

        Args:
            vector: Whether its first signal has entries, shape (n,), rather than being a number.
        """
        prefix = self.name
        minus = "-" if self.sign < 0 and self.shape != "beyond" else ""
        weight = f"{minus}{prefix}_weight"
        name, entry = self.signals[0], self.entry
        total = ".sum(axis=1)" if vector else ""
        match self.shape:
            case "alive":
                return f"{weight} * np.where({name}, 0.0, 1.0)"
            case "finish":
                return f"{weight} * np.where({name}, 1.0, 0.0)"
            case "linear":
                return f"{weight} * {entry}"
            case "capped":
                return f"{weight} * np.tanh({entry} / {prefix}_scale)"
            case "steady":
                return f"{weight} * np.exp(-np.square({prefix}_offset))"
            case "beyond":
                gap = f"{entry} - {prefix}_goal" if self.sign > 0 else f"{prefix}_goal - {entry}"
                return f"{weight} * np.maximum({gap}, 0.0)"
            case "change":
                before = f"prev_{entry}"
                return f"{weight} * ({entry} - {before})"
            case "turning":
                return f"{weight} * np.where({self.signals[1]}[:, 2] > 0.0, {prefix}_turned, 0.0)"
            case "size":
                return f"{weight} * np.square({name}){total}"
            case "smoothness":
                return f"{weight} * np.square({name} - prev_{name}){total}"
            case "distance":
                return f"{weight} * np.linalg.norm({name} - {self.signals[1]}, axis=1)"


def tidy(value: float, digits: int = 2) -> float:
    """Round to a few significant digits, so that a person can read the number."""
    return float(f"{value:.{digits}g}")


@dataclass(frozen=True)
class Library:
    """Every term of one survey."""

    survey: Survey
    terms: dict[str, Term]
    """By component name; named signals before bare observations."""

    def term(self, name: str) -> Term | None:
        """The term whose component has this name."""
        return self.terms.get(name)

    def is_vector(self, term: Term) -> bool:
        """Whether the term's first signal has shape (n,)."""
        return bool(term.signals) and self.survey.signal(term.signals[0]).shape != ()


def build_library(survey: Survey, probe: Probe) -> Library:
    """Find every term that the survey's signals allow; copies and signals that never move are left out."""
    found: dict[str, Term] = {}
    taken = set(survey.names())
    for term in _all_terms(survey, probe):
        name = f"{term.name}_term" if term.name in taken else term.name
        if np.isfinite(term.spread) and term.spread > 0 and name not in found:
            found[name] = term if name == term.name else replace(term, name=name)
    return Library(survey, found)


def values(term: Term, probe: Probe) -> Floats:
    """The term's unweighted values on the probe, shape (rows,)."""
    if term.shape in ("alive", "finish"):
        ended = np.asarray(probe.arrays[term.signals[0]], dtype=bool)
        return np.where(ended, 0.0, 1.0) if term.shape == "alive" else np.where(ended, 1.0, 0.0)
    first = np.asarray(probe.arrays[term.signals[0]], dtype=np.float64)
    entry = first if term.index is None else first[:, term.index]
    match term.shape:
        case "linear":
            return term.sign * entry
        case "capped":
            return term.sign * np.tanh(entry / term.scale)
        case "steady":
            return np.asarray(np.exp(-np.square((entry - term.goal) / term.scale)))
        case "beyond":
            return np.maximum(term.sign * (entry - term.goal), 0.0)
        case "change":
            return term.sign * (entry - _before(entry, probe.starts))
        case "turning":
            angle = _heading(first)
            turned = angle - _before(angle, probe.starts)
            upright = np.asarray(probe.arrays[term.signals[1]])[:, 2] > 0.0
            return term.sign * np.where(upright, np.remainder(turned + np.pi, 2.0 * np.pi) - np.pi, 0.0)
        case "size":
            return term.sign * _summed(np.square(first))
        case "smoothness":
            return term.sign * _summed(np.square(first - _before(first, probe.starts)))
        case _:
            other = np.asarray(probe.arrays[term.signals[1]], dtype=np.float64)
            return term.sign * np.asarray(np.linalg.norm(first - other, axis=1))


def _before(array: Floats, starts: npt.NDArray[np.bool_]) -> Floats:
    """The array one step earlier; equal on the first step of an episode."""
    earlier = np.roll(array, 1, axis=0)
    earlier[starts] = array[starts]
    return earlier


def _heading(quaternion: Floats) -> Floats:
    """Angle of a body's x axis about the world's z axis, rad; `quaternion` is (w, x, y, z)."""
    w, x, y, z = quaternion.T
    return np.asarray(np.arctan2(2.0 * (x * y + w * z), 1.0 - 2.0 * (y * y + z * z)))


def _summed(array: Floats) -> Floats:
    return array if array.ndim == 1 else np.asarray(array.sum(axis=1))


def _all_terms(survey: Survey, probe: Probe) -> Iterator[Term]:
    """Every term, copies among the entries left out: the same column under two names is one quantity."""
    names = survey.names()
    if "terminated" in names:
        yield Term("alive", "alive", ("terminated",), words="staying in the episode")
        yield Term("finish", "finish", ("terminated",), words="ending the episode")
    ordered = sorted(survey.signals, key=lambda s: s.name == "observation" or s.name.startswith("observation_"))
    seen: set[bytes] = set()
    for signal in ordered:
        array = probe.arrays.get(signal.name)
        if array is None or len(signal.shape) > 1 or signal.name == "terminated":
            continue
        if signal.name == "action" or signal.reader.startswith("action"):
            yield from _action_terms(signal, np.asarray(array, dtype=np.float64), probe)
        else:
            yield from _signal_terms(signal, np.asarray(array, dtype=np.float64), probe, seen)
    yield from _distances(survey, probe)


def _action_terms(signal: Signal, array: Floats, probe: Probe) -> Iterator[Term]:
    if signal.dtype == "float64":
        name = "effort" if signal.name == "action" else f"effort_{signal.name}"
        effort = Term(name, "size", (signal.name,), sign=-1, words=f"little {signal.name}")
        yield _with_spread(effort, _summed(np.square(array)))
    name = "smoothness" if signal.name == "action" else f"smoothness_{signal.name}"
    smooth = Term(name, "smoothness", (signal.name,), sign=-1, words=f"{signal.name} that changes little")
    yield _with_spread(smooth, _summed(np.square(array - _before(array, probe.starts))))


def _signal_terms(signal: Signal, array: Floats, probe: Probe, seen: set[bytes]) -> Iterator[Term]:
    """Terms over the entries of one signal, and over its size."""
    fresh = False
    for index in [None] if signal.shape == () else list(range(signal.shape[0])):
        entry = array if index is None else array[:, index]
        deviation = float(entry.std())
        if deviation < 1e-9 * max(1.0, float(np.abs(entry).max(initial=0.0))) or not np.isfinite(deviation):
            continue
        print_of_entry = np.round(entry / deviation, 6).astype(np.float32).tobytes()
        if print_of_entry in seen:
            continue
        seen.add(print_of_entry)
        fresh = True
        yield from _entry_terms(signal, index, entry, deviation, probe)
    body = signal.name.removesuffix("_quaternion")
    if fresh and signal.reader.endswith(":quaternion") and f"{body}_up" in probe.arrays:
        for sign, name, way in ((1, f"turn_left_{body}", "counter-clockwise"), (-1, f"turn_right_{body}", "clockwise")):
            reads = (signal.name, f"{body}_up")
            term = Term(name, "turning", reads, sign=sign, words=f"turning {_plain(body)} {way}")
            yield replace(term, spread=float(values(term, probe).std()))
    if fresh:
        squares = _summed(np.square(array))
        calm = signal.name.endswith("_angular_velocity")
        small = f"calm_{signal.name.removesuffix('_angular_velocity')}" if calm else f"small_{signal.name}"
        yield _with_spread(
            Term(f"big_{signal.name}", "size", (signal.name,), sign=1, words=f"a big {_plain(signal.name)}"), squares
        )
        yield _with_spread(
            Term(small, "size", (signal.name,), sign=-1, words=f"a small {_plain(signal.name)}"), squares
        )


def _entry_terms(signal: Signal, index: int | None, entry: Floats, deviation: float, probe: Probe) -> Iterator[Term]:
    """Terms over one entry: both signs, levelled off, as change, and near its value at the start."""
    in_space = signal.reader.startswith(("body:", "site:", "model:center_of_mass"))
    axis = "" if index is None or not in_space else _AXES.get(signal.shape[0], "")
    label = signal.name if index is None else f"{signal.name}_{axis[index] if axis else index}"
    where, reads = _plain(label), (signal.name,)
    step = float((entry - _before(entry, probe.starts)).std())
    for sign, more, rising in ((1, "more", "rising"), (-1, "less", "falling")):
        yield Term(f"{more}_{label}", "linear", reads, index, sign, deviation, words=f"{more} {where}")
        level = tidy(CAP_AT * deviation)
        capped = float(np.tanh(entry / level).std())
        name = f"capped_{more}_{label}"
        yield Term(name, "capped", reads, index, sign, capped, scale=level, words=f"{more} {where}, up to a point")
        if step > 0:
            yield Term(f"{rising}_{label}", "change", reads, index, sign, step, words=f"{rising} {where}")
    beginnings = entry[probe.starts]
    goal = float(np.median(beginnings))
    goal = 0.0 if abs(goal) < max(0.05 * deviation, float(beginnings.std())) else tidy(goal, 3)
    width = tidy(2.0 * deviation)
    yield Term(f"steady_{label}", "steady", reads, index, 1, 1.0, goal, width, f"{where} as at the start")
    for name, extreme in (("highest", float(entry.max())), ("lowest", float(entry.min()))):
        words = f"{where} near the {name} that random actions reach"
        width = tidy(0.5 * deviation)
        yield Term(f"{name}_{label}", "steady", reads, index, 1, 1.0, tidy(extreme, 3), width, words)
    for name, sign in (("above", 1), ("below", -1)):
        reach = float(np.maximum(sign * (entry - goal), 0.0).std())
        words = f"{where} {name} where it starts"
        if reach > 0.01 * deviation:
            yield Term(f"{name}_{label}", "beyond", reads, index, sign, reach, goal, words=words)


def _distances(survey: Survey, probe: Probe) -> Iterator[Term]:
    """Nearness of every two points in space that move against each other."""
    points = [s for s in survey.signals if s.shape == (3,) and s.reader.startswith(("body:", "site:"))]
    points = [s for s in points if s.reader.endswith(":position") and s.name in probe.arrays]
    for i, one in enumerate(points):
        for other in points[i + 1 :]:
            gap = np.linalg.norm(probe.arrays[one.name] - np.asarray(probe.arrays[other.name]), axis=1)
            if gap.std() < 1e-3 * max(float(gap.mean()), 1e-9):
                continue
            pair = f"{one.name.removesuffix('_position')}_{other.name.removesuffix('_position')}"
            signals = (one.name, other.name)
            words = f"{_plain(one.name)} and {_plain(other.name)}"
            spread = float(gap.std())
            yield Term(f"close_{pair}", "distance", signals, sign=-1, spread=spread, words=f"{words} close together")
            yield Term(f"apart_{pair}", "distance", signals, sign=1, spread=spread, words=f"{words} far apart")


def _with_spread(term: Term, squares: Floats) -> Term:
    """Scale a cost by its mean magnitude; one that is always zero gets no spread and so no place in the library."""
    mean = float(np.abs(squares).mean())
    return replace(term, spread=mean if mean > 0 else np.inf)


def _plain(name: str) -> str:
    return name.replace("_", " ")
