"""A review: what the critic said of one draft before anything trained."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from rewardsmith.domain.record import Record


class Review(Record):
    """Whether a draft may train as it is, and else what speaks against it."""

    passes: bool
    """Whether the critic agrees."""
    objections: tuple[str, ...] = Field(default=(), max_length=100)
    """What it objects to; what it adds to a draft that passes is kept and changes nothing."""

    @property
    def verdict(self) -> str:
        """`passes` or `objects`."""
        return "passes" if self.passes else "objects"

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if not self.passes and not any(objection.strip() for objection in self.objections):
            raise ValueError("a draft that does not pass needs an objection")
        return self
