"""Checks one kept reward, tier by tier, the cheapest first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Literal

from rewardsmith.checking.changes import changes
from rewardsmith.checking.episodes import exploit, exploited, ranking, unranked
from rewardsmith.checking.kept import Kept
from rewardsmith.checking.recorded import Columns, paid
from rewardsmith.checking.replay import repaid, restarted, stepped
from rewardsmith.checking.static import static
from rewardsmith.checking.trained import Course
from rewardsmith.domain.job import RewardLimits
from rewardsmith.domain.regression import TIERS, TOLERANCE, TRAINED, CheckResult, Finding, Tier, TierResult
from rewardsmith.domain.states import SimulatorState
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.domain.task import Task
from rewardsmith.reward.process import RewardFailed, RewardProcess

_MOST_FINDINGS = 40
_UNSTEPPED = "the first steps of random episodes only: the lock has no states of a simulator"


def check(
    kept: Kept,
    survey: Survey,
    probe: Probe,
    *,
    task: Task | None = None,
    tiers: Collection[Tier] = TIERS,
    tolerance: float = TOLERANCE,
    limits: RewardLimits | None = None,
    again: Callable[[Sequence[SimulatorState]], Probe | str] | None = None,
    course: Course | None = None,
) -> CheckResult:
    """Compare a kept reward with its lock in the environment as it is here.

    Args:
        kept: The reward, its lock and its recorded rows.
        survey: The lock's task, surveyed here.
        probe: The rows of that survey.
        task: The task here; absent: the lock's.
        tiers: Which tiers are wanted; what rests on a tier that failed is skipped.
        tolerance: Of a component's greatest magnitude, up to which it counts as unchanged.
        limits: Limits of the reward process.
        again: Steps the environment from stored states; without it only its beginnings are compared.
        course: Trains the reward, for the tiers that do.

    Raises:
        TaskError, ScoreRuleError: The task is at fault.
        InfrastructureError: The locked process could not be run; says nothing about the reward.
    """
    found: list[TierResult] = []
    faults = list(static(kept, survey))
    if "static" in tiers:
        found.append(_told("static", faults))
    asked = [tier for tier in (*TIERS, *TRAINED)[1:] if tier in tiers]
    if faults:
        found += [TierResult(tier=tier, verdict="skipped", reason="the reward cannot be asked") for tier in asked]
    elif asked:
        now = _paid(kept, survey, limits or RewardLimits())
        if isinstance(now, RewardFailed):
            found.append(_told(asked[0], [Finding(what="reward", words=now.failure.message)]))
            found += [TierResult(tier=tier, verdict="skipped", reason="the reward fails") for tier in asked[1:]]
        else:
            steps = again(kept.recorded.states) if again and kept.recorded.states and "replay" in asked else None
            found += [_tier(tier, kept, now, survey, probe, tolerance, steps) for tier in asked if tier not in TRAINED]
            found += [course.tier(tier) for tier in asked if course and tier in TRAINED]
    return CheckResult(
        reward=kept.name,
        verdict=_worst(found),
        tiers=tuple(found),
        changes=tuple(changes(kept, survey, task or kept.lock.task)),
    )


def _worst(found: Iterable[TierResult]) -> Literal["passed", "regressed", "undecided"]:
    verdicts = {tier.verdict for tier in found}
    return "regressed" if "regressed" in verdicts else "undecided" if "undecided" in verdicts else "passed"


def _tier(
    tier: Tier, kept: Kept, now: Columns, survey: Survey, probe: Probe, tolerance: float, steps: Probe | str | None
) -> TierResult:
    if tier == "replay":
        begun = list(restarted(kept, survey, probe))
        if steps is None:
            return _told(tier, [*repaid(kept, now, tolerance), *begun], reason=_UNSTEPPED)
        gone = list(stepped(kept, survey, steps))
        known = {finding.what for finding in gone} - {"environment"}
        begun = [each for each in begun if each.what not in known]
        moved = sorted([*gone, *begun], key=lambda each: each.what != "environment")
        return _told(tier, [*repaid(kept, now, tolerance), *moved])
    if tier == "ranking":
        reason = unranked(kept)
        return TierResult(tier=tier, verdict="skipped", reason=reason) if reason else _told(tier, ranking(kept, now))
    return _told(tier, exploit(kept, now), reason=exploited(kept))


def _told(tier: Tier, findings: Iterable[Finding], reason: str = "") -> TierResult:
    told = tuple(findings)
    more = (Finding(what="more", words=f"{len(told) - _MOST_FINDINGS} further findings"),)
    shown = told if len(told) <= _MOST_FINDINGS else told[:_MOST_FINDINGS] + more
    if told:
        return TierResult(tier=tier, verdict="regressed", findings=shown)
    return TierResult(tier=tier, verdict="passed", reason=reason)


def _paid(kept: Kept, survey: Survey, limits: RewardLimits) -> Columns | RewardFailed:
    signals = survey.by_name()
    try:
        with RewardProcess(kept.source, signals, limits=limits) as process:
            return paid(process, kept.recorded.rows)
    except RewardFailed as failed:
        return failed
