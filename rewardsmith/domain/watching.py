"""What somebody who watched a policy said of it."""

from __future__ import annotations

from pydantic import Field

from rewardsmith.domain.record import Record


class Remark(Record):
    """What was said of what the next generation improves on; empty where nothing was."""

    generation: int = Field(gt=0)
    """The generation that had ended."""
    candidate: str
    """Whose video was watched; of two, the one that is better, or has the higher score where neither is."""
    over: str | None = None
    """The other one, where `candidate` was said to be the better: it becomes no parent any more."""
    saw: str = ""
    """What was seen."""
    change: str = ""
    """What is to change."""
    who: str
    """`person`, or the name of the model that watched."""

    @property
    def words(self) -> bool:
        """Whether anything was said."""
        return bool(self.saw or self.change)


class Impression(Record):
    """What somebody says after watching."""

    better: int = Field(default=0, ge=0, le=2)
    """Of two videos the better one, 1 or 2; 0 where neither is, or nothing is said."""
    saw: str = ""
    """What was seen; may be empty."""
    change: str = ""
    """What is to change; may be empty."""
