"""Whether two rewards pay the same, up to a positive factor where the trainer normalises rewards.

No offset is allowed for: where episodes can end early, a constant is a bonus for surviving.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rewardsmith.screening.probe import ProbeAnswer

FloatArray = npt.NDArray[np.float64]

ROWS = 1024
"""Rows of the recorded range, and of what lies beyond it, that are compared."""
FEWEST = 16
"""Distinct totals below which values tell too little: steps and signs differ in events that are not recorded."""
TOLERANCE = 1e-6
"""Relative to the largest magnitude: sums in another order round differently."""


@dataclass(frozen=True)
class Payment:
    """What a reward paid, on as many rows as tell it from another."""

    total: FloatArray
    """Shape (rows,)."""
    terms: tuple[FloatArray, ...]
    """Components that are not zero throughout, shape (rows,) each."""


def payment(answer: ProbeAnswer) -> Payment | None:
    """What to remember of an answer; None for a reward that fails beyond the range of the recorded transitions.

    Rewards that differ in a cap or an event which random actions never reach are no twins: only what is known there
    counts, and none that pays a few values only.
    """
    if answer.stretched is None:
        return None
    far, components = answer.stretched
    total = _thinned(answer.total, far)
    if len(np.unique(total)) < FEWEST:
        return None
    columns = [_thinned(near, components[name]) for name, near in answer.components.items()]
    return Payment(total, tuple(column for column in columns if column.any()))


def factor_between(new: Payment, old: Payment, *, any_factor: bool) -> float | None:
    """The factor by which `new` pays what `old` pays, in total and component by component; None where it does not.

    Components are matched by their values, whatever their names; one that is zero throughout counts for nothing.

    Args:
        new: What one reward paid.
        old: What another paid on the same rows.
        any_factor: Whether any positive factor will do, else 1 alone.
    """
    a, b = new.total, old.total
    square = float(b @ b)
    factor = float(a @ b) / square if square > 0 else 0.0
    if not any_factor and abs(factor - 1.0) <= TOLERANCE:
        factor = 1.0
    if factor <= 0 or (factor != 1.0 and not any_factor) or not _close(a, factor * b):
        return None
    return factor if _matched(new.terms, [factor * term for term in old.terms]) else None


def _thinned(near: FloatArray, far: FloatArray) -> FloatArray:
    """At most `ROWS` rows of each part, evenly spaced."""
    return np.concatenate(
        [part[np.linspace(0, len(part) - 1, min(ROWS, len(part)), dtype=int)] for part in (near, far)]
    )


def _matched(ours: Sequence[FloatArray], theirs: list[FloatArray]) -> bool:
    """Whether each of ours is one of theirs, each taken once."""
    for column in ours:
        found = next((i for i, other in enumerate(theirs) if _close(column, other)), None)
        if found is None:
            return False
        theirs.pop(found)
    return not theirs


def _close(a: FloatArray, b: FloatArray) -> bool:
    scale = float(np.abs(a).max(initial=0.0))
    return bool(np.allclose(a, b, rtol=TOLERANCE, atol=TOLERANCE * scale))
