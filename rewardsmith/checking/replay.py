"""Tier `replay`: the reward pays the recorded rows what it paid, and the environment begins as it began."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from rewardsmith.checking.kept import Kept
from rewardsmith.checking.recorded import OPENING, Columns, opening
from rewardsmith.domain.regression import Finding
from rewardsmith.domain.survey import Probe, Survey

TOLERANCE = 1e-9
"""Of a component's greatest magnitude: above what another order of the same sums gives, below a cast to float32."""
DRIFT = 1e-6
"""Of a signal's range over the opening steps: above what another build of a simulator rounds to in ten steps."""
_FACTORS = {-1.0: "its sign is turned", np.pi / 180: "radians read as degrees?", 180 / np.pi: "degrees for radians?"}

FloatArray = npt.NDArray[np.float64]


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


def restarted(kept: Kept, survey: Survey, probe: Probe) -> Iterator[Finding]:
    """Signals that are not what they were when random actions, drawn from the same seed, begin an episode."""
    if survey.dt != kept.lock.dt:
        words = f"a step takes {survey.dt:g} s, and took {kept.lock.dt:g} s"
        yield Finding(what="environment", words=words)
    yield from _moved(kept.recorded.opening, opening(survey, probe), {s.name: s.unit for s in survey.signals})


def _moved(
    then: Mapping[str, npt.NDArray[Any]], now: Mapping[str, npt.NDArray[Any]], units: Mapping[str, str]
) -> Iterator[Finding]:
    for name, before in then.items():
        after = now.get(name)
        if after is None or after.shape[1:] != before.shape[1:]:
            continue  # `static` speaks of those that the reward reads
        if len(after) != len(before):
            words = f"the first {OPENING} steps of the random episodes are {len(after)} rows, and were {len(before)}"
            yield Finding(what="environment", words=words)
            return
        apart = np.abs(after.astype(np.float64) - before.astype(np.float64)).reshape(len(before), -1).max(axis=1)
        span = float(np.ptp(before.astype(np.float64))) or float(np.abs(before.astype(np.float64)).max()) or 1.0
        wrong = np.flatnonzero(~(apart <= DRIFT * span))
        if len(wrong):
            unit = f" {units[name]}" if units.get(name) else ""
            words = (
                f"differs in {len(wrong)} of {len(before)} opening steps, first in step {wrong[0] % OPENING + 1}, "
                f"by up to {apart.max():.3g}{unit}"
            )
            yield Finding(what=f"signal {name}", words=words)


def _same(before: FloatArray, after: FloatArray, tolerance: float) -> bool:
    return bool((np.abs(after - before) <= tolerance * (np.abs(before).max() or 1.0)).all())


def _differs(before: FloatArray, after: FloatArray, tolerance: float) -> str:
    """How a column differs, in words: by a factor, by a constant, or row by row."""
    loose = max(tolerance, 1e-6)
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
