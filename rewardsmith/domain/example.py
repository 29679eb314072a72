"""An example: an instruction with a reward that was confirmed to carry it out."""

from __future__ import annotations

from rewardsmith.domain.record import Record


class Example(Record):
    """The winner of a confirmed run, as a prompt for another task shows it."""

    run: str
    """The run that confirmed it."""
    candidate: str
    """Its id there."""
    task: str
    """Name of the task."""
    description: str
    """What the agent was to do."""
    source: str
    """The reward, in the contract."""
    score: float
    """Mean over the confirmation's seeds, in the task's own unit."""
    signals: tuple[str, ...]
    """What it reads."""
    similarity: float = 0.0
    """Of the descriptions, 1 for equal ones."""
    measure: str = ""
    """How that was told: the name of a sentence encoder, or `tf-idf`."""
