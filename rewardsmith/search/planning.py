"""What a run is expected to take, before it starts."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from rewardsmith.domain.plan import Plan, RunSpec
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.run import Run
from rewardsmith.domain.survey import Survey

START_S = 4.0
"""Seconds from starting a worker to its first step: it imports torch and the simulator."""
LEARNING_S = 200e-6
"""Seconds of learning per environment step, where no training of this task was measured yet; ant's PPO takes this."""


def plan(
    spec: RunSpec, recipe: Recipe, survey: Survey, *, dollars_per_call: float | None, earlier: Iterable[Run] = ()
) -> Plan:
    """The most that `spec` takes: every candidate valid, every failure repaired, no early stop.

    The time rests on the median speed of this task's trainings in `earlier` runs; without any, on the survey's raw
    speed and a typical cost of learning.
    """
    budget = spec.budget
    search = spec.iterations * spec.k
    leaders = min(recipe.confirm.leaders or budget.leaders, search)
    compare = leaders * budget.compare_seeds if leaders > 1 else 0
    baselines = [name for name in spec.baselines if name != "human" or spec.task.environment.stock_reward]
    trainings = search + compare + budget.confirm_seeds + len(baselines) * budget.baseline_seeds
    scoring = budget.rungs * budget.episodes * spec.task.environment.horizon
    completions = search * (1 + recipe.screen.repairs)
    each = START_S + budget.steps * _seconds_per_step(spec, survey, earlier) + scoring / survey.steps_per_second
    return Plan(
        trainings=trainings,
        steps=trainings * (budget.steps + scoring),
        completions=completions,
        wall_s=trainings * each / min(spec.workers, trainings),
        dollars=None if dollars_per_call is None else completions * dollars_per_call,
    )


def _seconds_per_step(spec: RunSpec, survey: Survey, earlier: Iterable[Run]) -> float:
    rates = [
        report.steps_per_second
        for run in earlier
        if run.spec
        and run.spec.task.trainer == spec.task.trainer
        and run.spec.task.environment == spec.task.environment
        for report in run.reports.values()
        if report.steps_per_second > 0 and report.failure is None
    ]
    return 1 / median(rates) if rates else 1 / survey.steps_per_second + LEARNING_S
