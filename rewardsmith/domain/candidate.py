"""A candidate: one reward function with its origin, its place in a run and its parents."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rewardsmith.domain.judgement import Judgement
from rewardsmith.domain.record import Record
from rewardsmith.domain.report import Failure
from rewardsmith.domain.review import Review

Origin = Literal["proposed", "mutated", "crossed", "repaired", "tuned", "human"]


def candidate_id(generation: int, slot: int) -> str:
    """The name of a place in a run: `g2c05` for generation 2, slot 5."""
    return f"g{generation}c{slot:02d}"


def same_as(twin: str, factor: float | None) -> str:
    """In words that a reward is the same as `twin`, or pays `factor` times as much."""
    return f"the same reward as {twin}" if factor is None else f"pays {factor:.4g} times what {twin} pays, term by term"


class Answered(Record):
    """Which completion of its slot a candidate came from."""

    role: Literal["designer", "repair"]
    """Who was asked."""
    call: int
    """Number of the call."""


class Candidate(Record):
    """One slot of one generation: the reward that stands there, or why none does."""

    generation: int = Field(ge=0)
    """Turn of the loop, from 1."""
    slot: int = Field(ge=0)
    """Place in the generation, from 0."""
    origin: Origin
    """How it came to be."""
    author: str | None = None
    """Which of several models wrote it; absent where the run has but one, or none did."""
    parents: tuple[str, ...] = ()
    """Candidate ids that it was made from."""
    source: str | None = None
    """Python source of the reward; absent when no code was found."""
    reward_id: str | None = None
    """Hash of the normalised source; names the reward everywhere."""
    parameters: dict[str, float] = Field(default_factory=dict)
    """Keyword-only numbers of its signature, with their values."""
    signals: tuple[str, ...] = ()
    """Names of its positional arguments, `memory` left out."""
    components: tuple[str, ...] = ()
    """Names of its components, as the probe saw them."""
    failure: Failure | None = None
    """What kept it from training, where something did."""
    twin: str | None = None
    """An earlier candidate with the same reward, whose result it takes."""
    twin_factor: float | None = None
    """What the twin pays times this is what it pays, where only their code differs."""
    repairs: tuple[Failure, ...] = ()
    """Failures that repair calls answered, oldest first."""
    judgement: Judgement | None = None
    """What the run's archive says about it; absent where it was not asked."""
    reviews: tuple[Review, ...] = ()
    """What the critic said of the slot's drafts, oldest first."""
    answered: Answered | None = None
    """The completion that it came from; absent: the slot's last repair, or the designer's first, or none."""

    @property
    def id(self) -> str:
        """Its place in the run, such as `g2c05`."""
        return candidate_id(self.generation, self.slot)

    @property
    def structure(self) -> str:
        """The candidate whose code this is but for its parameters: itself, unless it was tuned."""
        return self.parents[0] if self.origin == "tuned" else self.id
