"""Warm starts: a child's training goes on from its parent's policy, with a share of the steps."""

from __future__ import annotations

from math import ceil

from rewardsmith.domain.events import Purpose
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.run import Run
from rewardsmith.domain.task import Budget


def warm_parent(run: Run, recipe: Recipe, purpose: Purpose | str, subject: str) -> str | None:
    """The candidate from whose policy a training of the search goes on; None where it begins from scratch.

    It is the first parent, or its twin, where its training succeeded. Trials of tuning begin from scratch, as the
    author's own values did, with which they are compared. Confirmation and baselines begin from scratch, always.
    """
    candidate = run.candidates.get(subject) if purpose == "search" else None
    if recipe.parents.warm_start is None or candidate is None or candidate.origin == "tuned" or not candidate.parents:
        return None
    parent = run.candidates.get(candidate.parents[0])
    report = run.search_report(parent) if parent else None
    if parent is None or report is None or report.failure or report.best_rung is None:
        return None
    return parent.twin or parent.id


def warm_budget(budget: Budget, recipe: Recipe) -> Budget:
    """The budget of a training that goes on from a policy: its share of the steps, with as long rungs."""
    share = recipe.parents.warm_start or 1.0
    return budget.model_copy(update={"steps": ceil(budget.steps * share), "rungs": ceil(budget.rungs * share)})
