"""Parents drawn by score, the less often the more children they have.

The weight of ShinkaEvolve (Lange et al., 2025): sigmoid(10 (score - median) / MAD) / (1 + children), with the median
absolute deviation (MAD) as the scale, because scores of different tasks have none in common.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rewardsmith.domain.prompt import Turn
from rewardsmith.search.selection import ranked

if TYPE_CHECKING:
    from rewardsmith.search.policies.policy import Place

SHARPNESS = 10.0
"""ShinkaEvolve's lambda."""


def weighted(turns: Sequence[Turn], place: Place) -> Turn | None:
    """A candidate drawn by its weight; one that was stopped early only where there is no other."""
    scored = ranked(turns)
    scored = [turn for turn in scored if not turn.stopped] or scored
    return scored[int(place.rng.choice(len(scored), p=weights(scored, place.children)))] if scored else None


def weights(scored: Sequence[Turn], children: Mapping[str, int]) -> npt.NDArray[np.float64]:
    """Probability of each to be drawn, shape (candidates,).

    A MAD of 0, as with a single candidate or many ties, says nothing about scores: all count alike then.
    """
    scores = np.array([turn.score or 0.0 for turn in scored])
    offsets = scores - np.median(scores)
    scale = float(np.median(np.abs(offsets)))
    steep = np.clip(SHARPNESS * offsets / scale, -500.0, 500.0) if scale > 0 else np.zeros(len(scores))
    weight = 1.0 / (1.0 + np.exp(-steep)) / np.array([1.0 + children.get(turn.candidate.id, 0) for turn in scored])
    shares: npt.NDArray[np.float64] = weight / weight.sum()
    return shares
