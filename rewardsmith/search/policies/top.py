"""The best few share a generation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rewardsmith.domain.prompt import Turn
from rewardsmith.search.selection import leaders

if TYPE_CHECKING:
    from rewardsmith.search.policies.policy import Place


def top(turns: Sequence[Turn], place: Place) -> Turn | None:
    """The best `place.top` in turn: slot 0 gets the best, slot 1 the second."""
    few = leaders(tuple(turns), place.top)
    return few[place.slot % len(few)] if few else None
