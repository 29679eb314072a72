"""What a check of a kept reward found."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rewardsmith.domain.record import Record

Tier = Literal["static", "replay", "ranking", "exploit"]
Verdict = Literal["passed", "regressed", "skipped"]

TIERS: tuple[Tier, ...] = ("static", "replay", "ranking", "exploit")
"""Cheapest first."""


class Finding(Record):
    """One thing that is not as it was."""

    what: str
    """`reward`, `signal NAME`, `component NAME` or `policy NAME`."""
    words: str
    """What is different, with numbers."""


class TierResult(Record):
    """One tier."""

    tier: Tier
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    """Why it regressed."""
    reason: str = ""
    """Why it was skipped, or what a passed tier rests on."""


class Change(Record):
    """Something that changed since the reward was kept, whether or not it did harm."""

    what: Literal["simulator", "environment", "reward"]
    words: str
    """What changed, in a line."""
    diff: tuple[str, ...] = ()
    """Lines of a unified diff, where there is a text to compare."""


class CheckResult(Record):
    """One reward."""

    reward: str
    """The file, or whatever it was called."""
    verdict: Literal["passed", "regressed"]
    tiers: tuple[TierResult, ...]
    changes: tuple[Change, ...] = Field(default=())
    """What may explain it; everything is compared number by number, so these are certain to have changed."""
