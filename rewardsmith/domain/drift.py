"""A recording of prompts: what a recipe told its models, for a later check to compare with."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rewardsmith.domain.record import Record


class RecordedPrompt(Record):
    """One message."""

    title: str = Field(max_length=200)
    """Where it stands, such as `generation 1, user 2`."""
    lines: tuple[str, ...]
    """What it says, line by line."""


class PromptRecording(Record):
    """What a recipe tells a model about a task."""

    version: Literal[1] = 1
    """Version of this record."""
    recipe: str
    """Name or folder of the recipe."""
    task: str
    """Name or folder of the task."""
    run: str | None = None
    """The run whose generations were recorded, too; absent where there is none."""
    generations: int = Field(default=0, ge=0, le=1000)
    """How many of them."""
    made_with: str
    """Version of rewardsmith."""
    inputs: dict[str, str]
    """Hash of everything that prompts are made from: files of the recipe, `task`, `survey`."""
    prompts: tuple[RecordedPrompt, ...]
    """Every message, in order."""
