"""What differs between two recipes."""

from __future__ import annotations

from rewardsmith.domain.record import Record


class SettingDiff(Record):
    """One key of `recipe.toml`."""

    key: str
    """Such as `parents.policy`."""
    a: str
    """Its value in the first recipe, default or not; `-` where there is none."""
    b: str
    """The same of the second."""


class TemplateDiff(Record):
    """One template."""

    template: str
    """Its file name without `.md.j2`."""
    only_in: str | None = None
    """The recipe that alone has it."""
    diff: str = ""
    """A unified diff, where both have it."""


class RecipeDiff(Record):
    """`recipes diff`."""

    a: str
    """Name of the first recipe."""
    b: str
    """Name of the second."""
    settings: tuple[SettingDiff, ...]
    """Keys whose values differ."""
    templates: tuple[TemplateDiff, ...]
    """Templates that differ."""
