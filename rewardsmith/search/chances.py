"""The chance that a training which waits at a rung ends among the best of its run.

What a training will still gain, in units of the spread of scores, is taken to be normal, with a mean that grows with
the score so far and a deviation that shrinks with what is left. The run's own finished trainings tell how much was
gained from each rung; before there are any, a prior from recorded learning curves stands in, worth `_PRIOR_WEIGHT`
trainings (a Bayesian linear regression; Gelman et al., "Bayesian Data Analysis", 3rd ed., 14.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

DRAWS = 2000
_GAIN, _SLOPE, _NOISE = 1.0, 0.5, 0.7
"""Prior of a whole training: the mean gain of an average one, what each spread above it adds, the deviation."""
_PRIOR_WEIGHT = 3.0


@dataclass(frozen=True)
class Standing:
    """How far one training is."""

    scores: tuple[float, ...]
    """Mean score at each rung so far, at least one."""
    ended: bool
    """Whether there will be no more."""


def chances(standings: Mapping[str, Standing], rungs: int, *, places: int, seed: int = 0) -> dict[str, float]:
    """Of each training, the chance that its final score is among the `places` best of all.

    Args:
        standings: By name; stopped and failed ones are left out.
        rungs: Rungs of a whole training.
        places: How many lead.
        seed: Of the 2,000 draws.

    Returns:
        By name, 0 to 1; 1 for everybody where there is room for all.
    """
    names = list(standings)
    if len(names) <= places:
        return dict.fromkeys(names, 1.0)
    draws = np.stack(
        [_finals(standings, name, rungs, np.random.default_rng([seed, i])) for i, name in enumerate(names)]
    )
    bar = np.sort(draws, axis=0)[-places]
    return {name: float(np.mean(draws[i] >= bar)) for i, name in enumerate(names)}


def _finals(
    standings: Mapping[str, Standing], name: str, rungs: int, generator: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Draws of one training's final score, shape (2000,)."""
    mine = standings[name]
    best = max(mine.scores)
    if mine.ended:
        return np.full(DRAWS, best)
    rung = len(mine.scores)
    left = 1.0 - rung / rungs
    at_rung = {n: max(s.scores[:rung]) for n, s in standings.items() if len(s.scores) >= rung}
    spread = float(np.std(list(at_rung.values()))) or 1.0
    middle = float(np.mean(list(at_rung.values())))
    told = [n for n in at_rung if standings[n].ended]
    x = np.array([[1.0, (at_rung[n] - middle) / spread] for n in told]).reshape(-1, 2)
    y = np.array([(max(standings[n].scores) - at_rung[n]) / spread for n in told])
    prior = left * np.array([_GAIN, _SLOPE])
    precision = _PRIOR_WEIGHT * np.eye(2) + x.T @ x
    weights = np.linalg.solve(precision, _PRIOR_WEIGHT * prior + x.T @ y)
    shape = (_PRIOR_WEIGHT + len(y)) / 2
    scale = (
        _PRIOR_WEIGHT * left * _NOISE**2 + float(y @ y + _PRIOR_WEIGHT * prior @ prior - weights @ precision @ weights)
    ) / 2
    row = np.array([1.0, (best - middle) / spread])
    deviation = np.sqrt(scale / shape * (1.0 + row @ np.linalg.solve(precision, row)))
    gain = row @ weights + deviation * generator.standard_t(2 * shape, DRAWS)
    return best + spread * np.maximum(gain, 0.0)
