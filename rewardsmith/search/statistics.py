"""How sure a mean over seeds is, and how sure it is that one reward beats another."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from rewardsmith.domain.result import Interval
from rewardsmith.domain.task import ScoreRule

_STUDENT_T = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306}
"""Two-sided 95 % quantiles of Student's t by degrees of freedom; any table of the distribution."""

CLIPPED = 3.0
"""Where EUREKA's human-normalised score is clipped."""
_RESAMPLES = 10_000
_LEVEL = 0.95
_ALIKE = 1e-12
"""Values that differ by no more than this share of the largest are equal but for rounding."""


def interval(values: Sequence[float], rule: ScoreRule | None = None, *, seed: int = 0) -> Interval | None:
    """The mean with its 95 % confidence interval; None without values.

    Below ten values Student's t, whose coverage holds at n = 3 where a bootstrap's does not; from ten values the
    bias-corrected and accelerated bootstrap (Efron, 1987) with 10,000 resamples, to the last digit that of
    `scipy.stats.bootstrap`, which takes a second and 60 MB to load. Equal values have no spread: the
    interval is the value itself. Where the score is a share by its `rule`, and all values are between 0 and 1, the
    interval ends there: the mean cannot lie beyond, so nothing of the 95 % is lost. (It is a mean of shares, no count
    of successes, for which Wilson's interval would be.)
    """
    n = len(values)
    if n == 0:
        return None
    array = np.asarray(values, dtype=np.float64)
    mean = float(array.mean())
    if n == 1:
        return Interval(mean=mean, low=None, high=None, n=1)
    if n < 10 or float(np.ptp(array)) <= _ALIKE * float(np.abs(array).max()):
        half = _STUDENT_T[min(n, 9) - 1] * float(array.std(ddof=1)) / n**0.5
        low, high = mean - half, mean + half
        if rule is not None and rule.unit == "share" and array.min() >= 0 and array.max() <= 1:
            low, high = max(low, 0.0), min(high, 1.0)
        return Interval(mean=mean, low=low, high=high, n=n)
    low, high = _accelerated(tuple(array.tolist()), seed)
    return Interval(mean=mean, low=low, high=high, n=n)


def student(free: float) -> float:
    """Two-sided 95 % quantile of Student's t; from nine degrees of freedom by Cornish and Fisher's expansion."""
    if free < 9:
        return _STUDENT_T[max(1, int(free))]
    z = NormalDist().inv_cdf(0.975)
    return z + (z**3 + z) / (4 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)


def improvement(ours: Sequence[float], theirs: Sequence[float], *, seed: int = 0) -> Interval | None:
    """The probability that one training of ours scores above one of theirs, a tie counting half; None without values.

    The mean over all pairs with a percentile bootstrap over seeds, both sides resampled (Agarwal et al., 2021, "Deep
    RL at the edge of the statistical precipice", after Mann and Whitney, 1947). The interval is absent where a side
    has fewer than three seeds; `n` is the number of pairs.
    """
    if not ours or not theirs:
        return None
    a, b = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    wins = pairs_won(a, b)
    low = high = None
    if min(len(a), len(b)) >= 3:
        generator = np.random.default_rng(seed)
        rows = _counts(generator, len(a)) / len(a)
        columns = _counts(generator, len(b)) / len(b)
        low, high = np.quantile(np.einsum("ri,ij,rj->r", rows, wins, columns, optimize=True), [0.025, 0.975]).tolist()
    return Interval(mean=float(wins.mean()), low=low, high=high, n=wins.size)


def pairs_won(ours: npt.ArrayLike, theirs: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Of each of our values against each of theirs: 1 won, 0 lost, 0.5 a tie; shape (ours, theirs)."""
    a, b = np.asarray(ours, dtype=np.float64)[:, None], np.asarray(theirs, dtype=np.float64)
    won: npt.NDArray[np.float64] = (a > b) + 0.5 * (a == b)
    return won


def human_normalised(score: float, *, human: float, sparse: float, most: float = CLIPPED) -> float | None:
    """EUREKA's human-normalised score, (score - sparse) / |human - sparse|, clipped to [0, `most`] as there.

    0 is the sparse baseline's score and 1 the human one's (Ma et al., 2023, section 4.2). None where the two baselines
    score the same.
    """
    if human == sparse:
        return None
    return min(max((score - sparse) / abs(human - sparse), 0.0), most)


def _counts(generator: np.random.Generator, n: int) -> npt.NDArray[np.int64]:
    """How often each of `n` values is drawn in each resample, shape (resamples, n)."""
    return generator.multinomial(n, np.full(n, 1 / n), size=_RESAMPLES)


@lru_cache(maxsize=256)
def _accelerated(numbers: tuple[float, ...], seed: int) -> tuple[float, float]:
    """The ends of the BCa interval of the mean (Efron and Tibshirani, 1993, equations 14.9 to 14.15)."""
    values = np.asarray(numbers, dtype=np.float64)
    n, mean, normal = len(values), values.mean(), NormalDist()
    drawn = np.random.default_rng(seed).integers(0, n, size=(_RESAMPLES, n))
    means = values[drawn].mean(axis=1)
    bias = normal.inv_cdf(float(((means < mean).mean() + (means <= mean).mean()) / 2))
    left_out = (values.sum() - values) / (n - 1)
    apart = left_out.mean() - left_out
    acceleration = float((apart**3).sum() / (6 * (apart**2).sum() ** 1.5))

    def share(level: float) -> float:
        moved = bias + normal.inv_cdf(level)
        return normal.cdf(bias + moved / (1 - acceleration * moved))

    low, high = np.quantile(means, [share((1 - _LEVEL) / 2), share((1 + _LEVEL) / 2)]).tolist()
    return low, high
