"""A warning: evidence that a reward pays for something else than the task."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rewardsmith.domain.record import Record

WarningKind = Literal[
    "score_falls",  # over training its own return rose while the score fell
    "one_term",  # one component is nearly all that it pays, and the score does not follow it
    "pays_idle",  # it pays doing nothing more than the best archived episodes
    "pays_reckless",  # it pays full force in arbitrary directions more than the best archived episodes
]


class RewardWarning(Record):
    """Why a reward may be hacked. It informs; only scores choose."""

    kind: WarningKind
    """Which sign was seen."""
    sentence: str = Field(max_length=600)
    """The evidence in plain words."""
    evidence: dict[str, float]
    """The numbers that the sentence rests on."""
    component: str | None = None
    """The component that it is about, where it is about one."""
