"""What seeds alone make of scores: how low one training may end, how sure a drop of the mean is, which can be found.

Scores of trainings are taken to be normal, and to spread now as they did: with three or five of them a bootstrap knows
less than it says, Student's t does not (`rewardsmith.search.statistics`). From ten on both sides it is the bootstrap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

LEVEL = 0.95
"""How sure a finding has to be."""
POWER = 0.8
"""Of the drop that a number of seeds is said to find."""
MANY = 10
"""Seeds on both sides from which on nothing is taken to be normal."""
_RESAMPLES = 20_000


def lowest(locked: Sequence[float], level: float = LEVEL) -> float | None:
    """What a further training scores at least, with probability `level`; None where one score tells no spread.

    The lower end of a prediction interval, as wide as few seeds need: with three, 3.4 standard deviations below.
    """
    from scipy.stats import t

    n = len(locked)
    if n < 2:
        return None
    return float(np.mean(locked) - t.ppf(level, n - 1) * np.std(locked, ddof=1) * (1 + 1 / n) ** 0.5)


def luck(locked: Sequence[float], score: float) -> float | None:
    """The probability that seeds alone make a further training end at `score` or below; None as in `lowest`."""
    from scipy.stats import t

    n = len(locked)
    if n < 2:
        return None
    gap, spread = score - float(np.mean(locked)), float(np.std(locked, ddof=1)) * (1 + 1 / n) ** 0.5
    return float(t.cdf(gap / spread, n - 1)) if spread else float(gap >= 0)


def dropped(locked: Sequence[float], now: Sequence[float], tolerance: float) -> float | None:
    """The probability that the mean dropped by more than `tolerance`; None where a score on each side is all."""
    from scipy.stats import t

    freedom = len(locked) + len(now) - 2
    if freedom < 1:
        return None
    drop = float(np.mean(locked) - np.mean(now)) - tolerance
    if min(len(locked), len(now)) >= MANY:
        generator = np.random.default_rng(0)
        means = [np.asarray(s)[generator.integers(0, len(s), (_RESAMPLES, len(s)))].mean(axis=1) for s in (locked, now)]
        return float((means[0] - means[1] > tolerance).mean())
    squares = sum(float(np.var(side)) * len(side) for side in (locked, now))
    error = math.sqrt(squares / freedom * (1 / len(locked) + 1 / len(now)))
    return float(t.cdf(drop / error, freedom)) if error else float(drop > 0)


def detectable(locked: Sequence[float], seeds: int, tolerance: float) -> float | None:
    """The drop of the mean that so many seeds find with probability `POWER`; None where one score tells no spread."""
    from scipy.optimize import brentq
    from scipy.stats import nct, t

    n = len(locked)
    if n < 2:
        return None
    freedom, error = n + seeds - 2, float(np.std(locked, ddof=1)) * math.sqrt(1 / n + 1 / seeds)
    edge = t.ppf(LEVEL, freedom)
    shift = float(brentq(lambda shift: nct.sf(edge, freedom, shift) - POWER, 0.0, 1e3))
    return tolerance + error * shift
