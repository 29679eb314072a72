"""What a check of a kept reward found."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from rewardsmith.domain.record import Record

Untrained = Literal["static", "replay", "ranking", "exploit"]
Tier = Literal[Untrained, "smoke", "full", "prompts"]
"""`prompts` is for recordings of prompts alone."""
Verdict = Literal["passed", "regressed", "undecided", "skipped"]

TIERS: tuple[Untrained, ...] = ("static", "replay", "ranking", "exploit")
"""Those that train nothing, cheapest first."""
TRAINED: tuple[Tier, ...] = ("smoke", "full")
"""Those that train."""

TOLERANCE = 1e-9
"""Of a component's greatest magnitude: above what another order of the same sums gives, below a cast to float32."""


class Finding(Record):
    """One thing that is not as it was."""

    what: str
    """`reward`, `signal NAME`, `component NAME`, `policy NAME`, `score`, `training` or `prompt PLACE`."""
    words: str
    """What is different, with numbers."""
    luck: float | None = None
    """The probability that seeds alone do this, where something was trained; what is absent is no matter of luck."""


class TierResult(Record):
    """One tier."""

    tier: Tier
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    """Why it regressed."""
    reason: str = ""
    """Why it was skipped or cannot be decided, or what a passed tier rests on."""
    drop: float | None = None
    """The probability that the mean score dropped by more than is let pass; of the tier `full`."""
    detectable: float | None = None
    """The drop of the mean score that the tier `full` finds with 80 %, as known before it trained."""


class Trials(Record):
    """How the tiers that train do it."""

    seeds: int = Field(default=3, ge=1, le=100)
    """Trainings of the tier `full`; `smoke` has one."""
    seed: int = Field(default=0, ge=0)
    """The first seed; those that the lock holds are passed over."""
    drop: float = Field(default=0.1, ge=0, le=1)
    """Of what the locked mean score is above an untrained policy's: the drop that is let pass."""


class Change(Record):
    """Something that changed since the reward was kept, whether or not it did harm."""

    what: Literal["simulator", "environment", "signals", "reward", "task", "prompt", "input", "code"]
    words: str
    """What changed, in a line."""
    diff: tuple[str, ...] = ()
    """Lines of a unified diff, where there is something to compare line by line."""


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
    tiers: tuple[Untrained, ...] = Field(default=TIERS, min_length=1, max_length=len(TIERS))
    """Of those that train nothing: a request has no time for a training."""

    @field_validator("tiers", mode="before")
    @classmethod
    def _untrained(cls, tiers: object) -> object:
        if isinstance(tiers, list | tuple) and (trained := [tier for tier in tiers if tier in TRAINED]):
            raise ValueError(
                f"{' and '.join(trained)} would train, which a request has no time for; keep the reward "
                "(`rewardsmith export --lock`) and run `rewardsmith check --tier`"
            )
        return tiers


class CheckResult(Record):
    """One reward."""

    reward: str
    """The file (of a reward, or of recorded prompts), or whatever it was called."""
    verdict: Literal["passed", "regressed", "undecided"]
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
