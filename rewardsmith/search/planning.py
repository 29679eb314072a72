"""What a run is expected to take, before it starts."""

from __future__ import annotations

from rewardsmith.domain.plan import Plan, RunSpec
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.survey import Survey

TRAINING_SHARE = 0.6
"""Training steps per raw simulator step, per second, with one worker per core (benchmarks/training_speed.py)."""


def plan(spec: RunSpec, recipe: Recipe, survey: Survey, *, dollars_per_call: float | None) -> Plan:
    """The most that `spec` takes: every candidate valid, every failure repaired, no early stop."""
    budget = spec.budget
    search = spec.iterations * spec.k
    leaders = min(recipe.confirm.leaders or budget.leaders, search)
    compare = leaders * budget.compare_seeds if leaders > 1 else 0
    baselines = [name for name in spec.baselines if name != "human" or spec.task.environment.stock_reward]
    trainings = search + compare + budget.confirm_seeds + len(baselines) * budget.baseline_seeds
    scoring = budget.rungs * budget.episodes * spec.task.environment.horizon
    completions = search * (1 + recipe.screen.repairs)
    rate = survey.steps_per_second * TRAINING_SHARE * spec.workers
    return Plan(
        trainings=trainings,
        steps=trainings * (budget.steps + scoring),
        completions=completions,
        wall_s=trainings * (budget.steps + scoring) / rate if rate > 0 else None,
        dollars=None if dollars_per_call is None else completions * dollars_per_call,
    )
