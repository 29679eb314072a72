"""How much one run may take, and what of it counts for its key's day."""

from __future__ import annotations

from rewardsmith.domain.key import Caller, Reserve, RunLimits
from rewardsmith.domain.plan import Plan, StopSpec
from rewardsmith.errors import UsageError

ALLOWED = RunLimits()
"""What a server allows that was told nothing else."""


def check_size(stop: StopSpec, plan: Plan, caller: Caller, most: RunLimits) -> None:
    """Raise UsageError where a run may take more than one run of this caller may."""
    for what, planned, limit, allowed in (
        ("trainings", plan.trainings, stop.trainings, caller.limits.trainings_per_run or most.trainings),
        ("steps", plan.steps, stop.steps, caller.limits.steps_per_run or most.steps),
    ):
        if min(planned, limit or planned) > allowed:
            raise UsageError(
                f"the run may take {planned:,} {what}, and one run here may take {allowed:,}",
                hint=f"ask for less (iters, k, steps, budget), or have it stop at {allowed} with stop.{what}",
            )


def reserve_of(stop: StopSpec, plan: Plan, caller: Caller) -> Reserve:
    """The most that a run may take; raises UsageError where a key with a limit in dollars asks for no certain sum."""
    trainings = plan.trainings if stop.trainings is None else min(plan.trainings, stop.trainings)
    if plan.dollars == 0:
        return Reserve(trainings=trainings)
    if stop.dollars is not None:
        return Reserve(trainings=trainings, dollars=stop.dollars)
    if caller.limits.dollars_per_day is not None:
        expected = "is not known" if plan.dollars is None else f"may be {plan.dollars:.2f} dollars"
        raise UsageError(
            f"what the run will cost {expected}, and the key {caller.name} is limited in dollars a day",
            hint="say with stop.dollars how much it may spend; it never spends more",
        )
    return Reserve(trainings=trainings, dollars=plan.dollars or 0.0)
