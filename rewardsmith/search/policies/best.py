"""One parent for all: the best so far, or the best of the last generation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rewardsmith.domain.prompt import Turn
from rewardsmith.search.selection import best

if TYPE_CHECKING:
    from rewardsmith.search.policies.policy import Place


def overall_best(turns: Sequence[Turn], place: Place) -> Turn | None:
    """The best so far."""
    del place
    return best(turns)


def generation_best(turns: Sequence[Turn], place: Place) -> Turn | None:
    """The best of the last generation that has one, even if it is worse than the best so far.

    A generation in which everything failed is used up, and its messages are sent again (EUREKA).
    """
    del place
    for generation in sorted({turn.candidate.generation for turn in turns}, reverse=True):
        found = _best_with_twins(turn for turn in turns if turn.candidate.generation == generation)
        if found:
            return found
    return None


def _best_with_twins(turns: Iterable[Turn]) -> Turn | None:
    scored = [turn for turn in turns if turn.score is not None]
    return max(scored, key=lambda turn: (not turn.stopped, turn.score or 0.0, -turn.candidate.slot), default=None)
