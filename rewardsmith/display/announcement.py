"""The plan in words, printed before anything starts."""

from __future__ import annotations

from rewardsmith.domain.plan import Plan, RunSpec
from rewardsmith.reports.costs import limits
from rewardsmith.reports.words import count, counted, dollars, duration
from rewardsmith.settings import DEFAULT_EXECUTOR


def announcement(spec: RunSpec, plan: Plan) -> list[str]:
    """What will be done, and what it takes: at most, but for the time, which is an idle machine's."""
    budget = spec.budget
    extras = (
        [f"baselines {', '.join(spec.baselines)} on {counted(budget.baseline_seeds, 'seed')} each"]
        if spec.baselines
        else []
    )
    leaders = budget.leaders if plan.leaders is None else plan.leaders
    if leaders > 1:
        extras.append(f"{leaders} leaders compared on {counted(budget.compare_seeds, 'fresh seed')}")
    extras.append(f"the winner confirmed on {budget.confirm_seeds} more")
    money = "price unknown" if plan.dollars is None else dollars(plan.dollars)
    allowed = limits(spec.stop)
    shown = ", ".join(f"{each.task} {each.candidate} of {each.run}" for each in spec.examples)
    return [
        f"run {spec.run}: {spec.task.title} ({spec.task.environment.label}), {spec.task.description}",
        f"  recipe {spec.recipe}, model {spec.model}, budget {spec.budget_name}, seed {spec.seed}, "
        f"sandbox {spec.sandbox}, {spec.task.trainer.worlds}{_where(spec)}",
        f"  plan: {counted(spec.iterations, 'generation')} of {counted(spec.k, 'candidate')}, "
        f"{count(budget.steps)} steps each; " + "; ".join(extras),
        f"  at most: {plan.trainings} trainings, {count(plan.steps)} steps, {plan.completions} calls of the model, "
        f"{money}; about {duration(plan.wall_s)} with {spec.workers} at a time on an idle machine",
        *([f"  limit: {allowed}"] if allowed else []),
        *([f"  examples in its prompts: {shown} ({spec.examples[0].measure})"] if shown else []),
    ]


def _where(spec: RunSpec) -> str:
    """Where it trains, if not on this machine."""
    if spec.ray is not None:
        return f", on Ray at {spec.ray.address}, {spec.ray.need} each"
    return "" if spec.executor == DEFAULT_EXECUTOR else f", by {spec.executor}"
