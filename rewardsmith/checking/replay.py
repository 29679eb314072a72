"""Tier `replay`: the reward pays the recorded rows what it paid, and the environment steps as it stepped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rewardsmith.checking.kept import Kept
from rewardsmith.checking.recorded import Columns, lengths, opening
from rewardsmith.domain.regression import TOLERANCE, Finding
from rewardsmith.domain.states import OPENING
from rewardsmith.domain.survey import Probe, Signal, Survey

DRIFT = 1e-6
"""Of a signal's range over the steps made again: above what another build of a simulator rounds to in ten steps."""
_FACTORS = {-1.0: "its sign is turned", np.pi / 180: "radians read as degrees?", 180 / np.pi: "degrees for radians?"}

FloatArray = npt.NDArray[np.float64]
Lengths = npt.NDArray[np.int64]


def repaid(kept: Kept, now: Columns, tolerance: float = TOLERANCE) -> Iterator[Finding]:
    """Components, and the total, that are not what they were on the recorded rows."""
    then = kept.recorded.paid
    for name, before in then.items():
        what = "total" if name == "total" else f"component {name}"
        if name not in now:
            alike = [other for other in now if other not in then and _same(before, now[other], tolerance)]
            words = f"it is called {alike[0]} now" if alike else "it is gone"
            yield Finding(what=what, words=words)
        elif not _same(before, now[name], tolerance):
            yield Finding(what=what, words=_differs(before, now[name], tolerance))
    for name in now:
        if name not in then and not any(_same(now[name], column, tolerance) for column in then.values()):
            yield Finding(what=f"component {name}", words="it is new")


def stepped(kept: Kept, survey: Survey, again: Probe | str) -> Iterator[Finding]:
    """Signals that are not what they were when stored actions are done in stored states of the simulator.

    Args:
        kept: The reward with its states.
        survey: Of the environment as it is here.
        again: What follows from the states here, or why they do not fit.
    """
    before = kept.recorded.stepped
    if isinstance(again, str):
        yield Finding(what="environment", words=f"the stored states do not fit: {again}")
    elif before is not None:
        then, now = [*before.episodes()], [*again.episodes()]
        for name in sorted(before.arrays, key=lambda each: each not in kept.lock.signals):
            if name in again.arrays and again.arrays[name].shape[1:] == before.arrays[name].shape[1:]:
                old, new = (_float(rows.arrays[name]) for rows in (before, again))
                pairs = [(old[a], new[b]) for a, b in zip(then, now, strict=True)]
                pairs = [(a[: len(b)], b[: len(a)]) for a, b in pairs]
                yield from _moved(survey.signal(name), pairs, "steps from stored states")
        ended = sum(a.stop - a.start != b.stop - b.start for a, b in zip(then, now, strict=True))
        if ended:
            words = f"from {ended} of {len(then)} stored states its episode ends sooner or later than it did"
            yield Finding(what="environment", words=words)


def restarted(kept: Kept, survey: Survey, probe: Probe) -> Iterator[Finding]:
    """Signals that are not what they were when random actions, drawn from the same seed, begin an episode."""
    if survey.dt != kept.lock.dt:
        words = f"a step takes {survey.dt:g} s, and took {kept.lock.dt:g} s"
        yield Finding(what="environment", words=words)
    here = opening(survey, probe)
    then, now = kept.recorded.lengths, lengths(survey)
    moved: list[Finding] = []
    for name, before in sorted(kept.recorded.opening.items(), key=lambda each: each[0] not in kept.lock.signals):
        if name in here and here[name].shape[1:] == before.shape[1:]:  # of those that the reward reads `static` speaks
            pairs = _together(_float(before), then, _float(here[name]), now)
            moved += _moved(survey.signal(name), pairs, "opening steps")
    yield from moved
    if (
        not moved and survey.versions == kept.lock.versions and then.tolist() != now.tolist()
    ):  # builds round differently
        words = f"random episodes end after {_few(now)} steps, and did after {_few(then)}"
        yield Finding(what="environment", words=words)


def _together(
    before: FloatArray, then: Lengths, after: FloatArray, now: Lengths
) -> list[tuple[FloatArray, FloatArray]]:
    """The opening rows of each episode, then and now, as far as both of them go."""
    ends = [np.cumsum(np.minimum(each, OPENING)) for each in (then, now)]
    found = []
    for old, new, *stops in zip(then, now, *ends, strict=False):
        first, second = stops[0] - min(old, OPENING), stops[1] - min(new, OPENING)
        steps = min(old, new, OPENING)
        found.append((before[first : first + steps], after[second : second + steps]))
    return found


def _moved(signal: Signal, episodes: Sequence[tuple[FloatArray, FloatArray]], steps: str) -> Iterator[Finding]:
    apart = [np.abs(after - before).reshape(len(before), -1).max(axis=1) for before, after in episodes]
    known = np.concatenate([before.ravel() for before, _ in episodes])
    span = float(np.ptp(known)) or float(np.abs(known).max()) or 1.0
    wrong = [np.flatnonzero(~(each <= DRIFT * span)) for each in apart]
    if any(len(each) for each in wrong):
        count, first = sum(map(len, wrong)), min(each[0] for each in wrong if len(each)) + 1
        most = max(float(each.max()) for each in apart)
        words = f"differs in {count} of {sum(map(len, apart))} {steps}, at the earliest in step {first}, by up to "
        yield Finding(what=f"signal {signal.name}", words=words + f"{most:.3g} {signal.unit}".rstrip())


def _float(array: npt.NDArray[Any]) -> FloatArray:
    return array.astype(np.float64)


def _few(steps: Lengths) -> str:
    return ", ".join(map(str, steps[:6])) + (", ..." if len(steps) > 6 else "")


def _same(before: FloatArray, after: FloatArray, tolerance: float) -> bool:
    return bool((np.abs(after - before) <= tolerance * (np.abs(before).max() or 1.0)).all())


def _differs(before: FloatArray, after: FloatArray, tolerance: float) -> str:
    """How a column differs, in words: by a factor, by a constant, or row by row."""
    loose = max(tolerance, 1e-6)
    if _same(before, after, loose):
        return "it is the same to about seven digits only, as after a cast to float32"
    if not after.any():
        return f"it pays nothing any more, and paid {before.mean():.4g} on average"
    if before.any():
        factor = float((before @ after) / (before @ before))
        if _same(factor * before, after, loose):
            like = next((f": {words}" for known, words in _FACTORS.items() if np.isclose(factor, known)), "")
            return f"it pays {factor:.6g} times what it paid{like}"
    if _same(before + (after - before).mean(), after, loose):
        return f"it pays {(after - before).mean():+.6g} on every row beside what it paid"
    apart = np.abs(after - before)
    wrong, place = int((apart > tolerance * (np.abs(before).max() or 1.0)).sum()), int(apart.argmax())
    most = f"{after[place]:.6g}, and was {before[place]:.6g}"
    return f"differs in {wrong} of {len(before)} rows, most in row {place}: {most}"
