"""How sure a mean over seeds is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rewardsmith.domain.result import Interval

_STUDENT_T = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306}
"""Two-sided 95 % quantiles of Student's t by degrees of freedom; any table of the distribution."""

_RESAMPLES = 10_000


def interval(values: Sequence[float], *, seed: int = 0) -> Interval | None:
    """The mean with its 95 % confidence interval; None without values.

    Below ten values Student's t; from ten values the percentile bootstrap (Efron, 1979) with 10,000 resamples.
    """
    n = len(values)
    if n == 0:
        return None
    array = np.asarray(values, dtype=np.float64)
    mean = float(array.mean())
    if n == 1:
        return Interval(mean=mean, low=None, high=None, n=1)
    if n < 10:
        half = _STUDENT_T[n - 1] * float(array.std(ddof=1)) / n**0.5
        return Interval(mean=mean, low=mean - half, high=mean + half, n=n)
    generator = np.random.default_rng(seed)
    means = array[generator.integers(0, n, size=(_RESAMPLES, n))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(mean=mean, low=float(low), high=float(high), n=n)
