"""The library of the offline author: every term that a survey's signals allow, by the name of its component."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from rewardsmith.domain.survey import Probe, Signal, Survey
from rewardsmith.models.offline_terms import Floats, Term, before, summed, tidy, values

CAP_AT = 1.25
"""Deviations under random actions at which a capped term levels off: a bounded main term trains more evenly than an
unbounded one, whose rare large values drown the rest (measured on ant: `benchmarks/offline_author.py`)."""

_AXES = {3: "xyz", 4: "wxyz"}


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
        yield _with_spread(effort, summed(np.square(array)))
    name = "smoothness" if signal.name == "action" else f"smoothness_{signal.name}"
    smooth = Term(name, "smoothness", (signal.name,), sign=-1, words=f"{signal.name} that changes little")
    yield _with_spread(smooth, summed(np.square(array - before(array, probe.starts))))


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
        squares = summed(np.square(array))
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
    step = float((entry - before(entry, probe.starts)).std())
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
    points = [s for s in survey.signals if s.shape == (3,) and s.name in probe.arrays and _is_point(s)]
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


def _is_point(signal: Signal) -> bool:
    """The place of a body or site, or one that the policy sees and the task file names in metres."""
    if signal.reader.startswith(("body:", "site:")):
        return signal.reader.endswith(":position")
    return signal.unit == "m" and signal.reader.startswith("observation")


def _with_spread(term: Term, squares: Floats) -> Term:
    """Scale a cost by its mean magnitude; one that is always zero gets no spread and so no place in the library."""
    mean = float(np.abs(squares).mean())
    return replace(term, spread=mean if mean > 0 else np.inf)


def _plain(name: str) -> str:
    return name.replace("_", " ")
