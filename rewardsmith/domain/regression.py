"""What a check of a kept reward found."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rewardsmith.domain.record import Record

Tier = Literal["static", "replay", "ranking", "exploit"]
Verdict = Literal["passed", "regressed", "skipped"]

TIERS: tuple[Tier, ...] = ("static", "replay", "ranking", "exploit")
"""Cheapest first."""

TOLERANCE = 1e-9
"""Of a component's greatest magnitude: above what another order of the same sums gives, below a cast to float32."""


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


class CheckRequest(Record):
    """A reward to be compared with a candidate of a run."""

    run: str = Field(min_length=1, max_length=100)
    """Name of the run."""
    candidate: str | None = Field(default=None, pattern=r"^g[0-9]{1,6}c[0-9]{2,6}$")
    """The candidate; absent: the run's best."""
    reward: str = Field(min_length=1, max_length=60_000)
    """Source in the reward contract, or a file that `export` wrote."""
    tolerance: float = Field(default=TOLERANCE, ge=0, le=1)
    """Of a component's greatest magnitude, up to which it counts as unchanged."""


class CheckResult(Record):
    """One reward."""

    reward: str
    """The file, or whatever it was called."""
    verdict: Literal["passed", "regressed"]
    tiers: tuple[TierResult, ...]
    changes: tuple[Change, ...] = Field(default=())
    """What may explain it; everything is compared number by number, so these are certain to have changed."""


class LockResult(Record):
    """`lock`: one kept reward."""

    reward: str
    """Its file."""
    diff: tuple[str, ...]
    """How its lock differs from what the reward is now, lines of a unified diff; empty where it does not."""
    files: tuple[str, ...] = ()
    """What was written."""
