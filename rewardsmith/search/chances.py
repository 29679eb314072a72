"""The chance that a training which waits at a rung ends among the best of its run.

What a training will still gain is estimated from those of the run that ended: a Bayesian linear regression of the gain
on the score so far, at the same rung, in units of the spread of scores there (Gelman et al., "Bayesian Data Analysis",
3rd ed., 14.2 and 14.8). Its prior counts as much as `_WEIGHT` trainings and is what the recorded learning curves of
`benchmarks/curves` show: with a share s of a training done, it still gains `_GAIN` (1 - s) / s spreads on average,
`_NOISE` (1 - s) / s more or less, whoever leads; where more was gained, the spread is taken to be as much larger. So
early scores stop nobody before the run itself has shown that they tell something.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

DRAWS = 500
_WEIGHT = 3.0
_GAIN = 1.3
_NOISE = 0.8

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Standing:
    """How far one training is."""

    scores: tuple[float, ...]
    """Mean score at each rung so far, at least one."""
    ended: bool
    """Whether there will be no more."""


def chances(standings: Mapping[str, Standing], rungs: int, *, places: int, seed: int = 0) -> dict[str, float]:
    """Of each training, the chance that its final score, that of its best rung, is among the `places` best of all.

    Args:
        standings: By name; stopped and failed ones are left out.
        rungs: Rungs of a whole training.
        places: How many lead.
        seed: Of the 500 draws.

    Returns:
        By name, 0 to 1; 1 for everybody where there is room for all.
    """
    names = list(standings)
    if len(names) <= places:
        return dict.fromkeys(names, 1.0)
    best = np.array([max(standings[name].scores) for name in names])
    finals = np.tile(best[:, None], DRAWS)
    for rung in sorted({len(s.scores) for s in standings.values() if not s.ended}):
        waiting = np.array([not s.ended and len(s.scores) == rung for s in standings.values()])
        ended = [s.scores for s in standings.values() if s.ended and len(s.scores) >= rung]
        at_rung, final = [max(scores[:rung]) for scores in ended], [max(scores) for scores in ended]
        generator = np.random.default_rng([seed, rung])
        finals[waiting] = _finals(best[waiting], np.array(at_rung), np.array(final), rung / rungs, generator)
    bar = np.sort(finals, axis=0)[-places]
    return {name: float(share) for name, share in zip(names, (finals >= bar).mean(axis=1), strict=True)}


def _finals(best: Values, at_rung: Values, final: Values, done: float, generator: np.random.Generator) -> Values:
    """Draws of final scores, shape (n, 500), of n trainings whose best score so far is `best`.

    Args:
        best: Shape (n,).
        at_rung: Best scores of the m trainings that ended, when they were at the same rung, shape (m,).
        final: Their final scores, shape (m,).
        done: Share of a training behind that rung.
        generator: Of the draws.
    """
    everybody, ahead = np.concatenate([best, at_rung]), (1.0 - done) / done
    seen = (final - at_rung).mean() / (_GAIN * ahead) if len(final) else 0.0
    middle, spread = everybody.mean(), max(everybody.std(), seen) or 1.0
    rows = np.stack([np.ones(len(best)), (best - middle) / spread], axis=1)
    told = np.stack([np.ones(len(at_rung)), (at_rung - middle) / spread], axis=1)
    gained = (final - at_rung) / spread
    prior = np.array([_GAIN * ahead, 0.0])
    precision = _WEIGHT * np.eye(2) + told.T @ told
    covariance = np.linalg.inv(precision)
    weights = covariance @ (_WEIGHT * prior + told.T @ gained)
    freedom = _WEIGHT + len(gained)
    misfit = gained @ gained + _WEIGHT * prior @ prior - weights @ precision @ weights
    variance = (_WEIGHT * (_NOISE * ahead) ** 2 + max(float(misfit), 0.0)) / freedom
    deviation = np.sqrt(variance * (1.0 + np.einsum("ni,ij,nj->n", rows, covariance, rows)))
    gains = (rows @ weights)[:, None] + deviation[:, None] * generator.standard_t(freedom, (len(best), DRAWS))
    drawn: Values = best[:, None] + spread * np.maximum(gains, 0.0)
    return drawn
