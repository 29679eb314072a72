"""A task that a request brings along: a known environment, its own description and score rule."""

from __future__ import annotations

import hashlib
from typing import Annotated

from pydantic import AfterValidator, Field

from rewardsmith.domain.record import Record
from rewardsmith.domain.task import ScoreRule, Task
from rewardsmith.errors import one_line

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]


def _printable(text: str) -> str:
    if not one_line(text):
        raise ValueError("it says nothing")
    return text


Words = Annotated[str, AfterValidator(_printable)]
"""Text that says something."""


class InlineTask(Record):
    """What is another in the environment of a known task."""

    base: Name
    """Name of a task that the server knows: its environment, trainer and budgets are taken."""
    description: Words = Field(max_length=500)
    """What the agent should do, in one sentence; it is shown to models."""
    score: str = Field(min_length=1, max_length=20_000)
    """Source of `score.py`: `score(...)`, and `success(...)` and `sparse(...)` where wanted."""
    title: str = Field(default="", max_length=80)
    """A few words for a table; the base's when empty."""
    unit: str = Field(default="", max_length=30)
    """Unit of the score."""
    meaning: str = Field(default="", max_length=300)
    """What the score measures, in one line; it is shown to models."""
    stock_reward: bool = Field(default=False, strict=True)
    """Whether the environment's own reward is about this task, and so is the baseline `human`."""

    def of(self, base: Task) -> Task:
        """The whole task; its name ends in a hash of what it says."""
        said = hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:8]
        return base.model_copy(
            update={
                "name": f"{base.name}-{said}",
                "base": base.name,
                "title": one_line(self.title) or base.title,
                "description": one_line(self.description, 500),
                "score": ScoreRule(
                    source=self.score,
                    unit=one_line(self.unit),
                    meaning=one_line(self.meaning) or "the measure that came with the task",
                ),
                "environment": base.environment.model_copy(update={"stock_reward": self.stock_reward}),
            }
        )
