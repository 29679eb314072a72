"""What a run is expected to take, before it starts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from statistics import median

from rewardsmith.domain.cluster import RaySpec
from rewardsmith.domain.plan import Plan, RunSpec
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.report import Report
from rewardsmith.domain.request import MOST
from rewardsmith.domain.run import Run
from rewardsmith.domain.survey import Survey
from rewardsmith.domain.task import Budget, Task
from rewardsmith.errors import UnknownName, UsageError
from rewardsmith.models.mixture import authors
from rewardsmith.models.registry import DEFAULT
from rewardsmith.motion.fitting import robot_of
from rewardsmith.prompting.answers import CALLS
from rewardsmith.search.ledger import Ledger, compared, most_training_steps
from rewardsmith.search.policies.policy import policy_of
from rewardsmith.settings import DEFAULT_EXECUTOR, EvolveRequest
from rewardsmith.store.artifacts import NAME
from rewardsmith.store.database import without_password

START_S = 4.0
"""Seconds from starting a worker to its first step: it imports torch and the simulator."""
EARLIER_RUNS = 10
"""Runs from whose speed the time of the next one is estimated."""
LEARNING_S = 200e-6
"""Seconds of learning per environment step, where no training of this task was measured yet; ant's PPO takes this."""
SCORING_S = 100e-6
"""Seconds per scored step beside the simulator's, likewise: to act, to record and to judge (benchmarks/README.md)."""


def run_spec(
    request: EvolveRequest,
    task: Task,
    recipe: Recipe,
    recipe_files: dict[str, str],
    *,
    model: str,
    sandbox: str,
    executor: str = DEFAULT_EXECUTOR,
    ray: RaySpec | None = None,
    artifacts: str | None = None,
    workers: int,
    now: datetime,
) -> RunSpec:
    """Everything that a run was asked to do, frozen.

    Raises:
        UnknownName: The task has no such budget, or there is no such policy.
        TaskError: The recipe moves a robot, and the task has none.
        UsageError: What was asked contradicts itself, or the model is none that the recipe can ask.
    """
    _check(request)
    if request.watcher == "offline":
        raise UsageError("the offline author watches nothing", hint="name a vision model, or ask a person: --human")
    if request.deterministic and request.stop.wall_s is not None:
        raise UsageError(
            "a run that is stopped by the clock cannot be deterministic",
            hint="limit it by --max-steps instead of --max-minutes, or leave out --deterministic",
        )
    policy_of(recipe)
    if recipe.moves:
        robot_of(task)
    talks = recipe.moves or recipe.write.form != "function" or recipe.critique.rounds or recipe.analyse.episodes
    if talks and DEFAULT in (author.name for author in authors(model)):
        raise UsageError(
            f"recipe {recipe.name} needs a language model: the offline author writes whole rewards and nothing else",
            hint="name one with --model, such as --model openai:gpt-5, or take --recipe smith as it comes",
        )
    changed = {change.partition("=")[0].strip() for change in request.changes}
    budget = budget_of(task, request.budget, request.steps)
    spec = RunSpec(
        run=request.name or f"{task.name}-{now:%Y%m%d-%H%M%S}",
        env=request.env,
        task=task,
        budget_name=request.budget,
        budget=budget,
        recipe=recipe.name,
        recipe_files=recipe_files,
        model=_absolute(model),
        base_url=request.base_url,
        iterations=(request.iterations or recipe.write.iterations) * (1 + recipe.parents.restarts),
        k=request.k or (recipe.write.k if "write.k" in changed else min(budget.k or recipe.write.k, recipe.write.k)),
        seed=request.seed,
        baselines=request.baselines,
        deterministic=request.deterministic,
        race=request.race,
        watcher=None if request.watcher is None else _absolute(request.watcher),
        sandbox=sandbox,
        executor=executor,
        ray=ray if executor == "ray" else None,
        artifacts=without_password(artifacts) if artifacts and executor == "ray" else None,
        workers=workers,
        stop=request.stop,
        strict=request.strict,
        record=request.record,
    )
    if reason := Ledger(spec, recipe).reason(Run(spec=spec)):
        raise UsageError(
            f"the limits leave no room for a single candidate: {reason}",
            hint="raise --max-steps or --max-trainings, or take fewer --steps per training",
        )
    return spec


def _check(request: EvolveRequest) -> None:
    if request.name is not None and not NAME.fullmatch(request.name):
        raise UsageError(
            f"{request.name!r} cannot name a run",
            hint="it names a folder: begin with a letter or digit, then letters, digits, '_', '-' and '.', at most 100",
        )
    for key, most in MOST.items():
        value = getattr(request, key)
        if value is not None and (type(value) is not int or not 1 <= value <= most):
            raise UsageError(f"{key} is {value!r}", hint=f"a whole number from 1 to {most:,}, or leave it out")


def budget_of(task: Task, name: str, steps: int | None) -> Budget:
    """The task's budget of that name, with other steps where asked. Raises UnknownName."""
    if name not in task.budgets:
        raise UnknownName("budget", name, task.budgets, where=f"task {task.name}")
    budget = task.budgets[name]
    return budget.model_copy(update={"steps": steps}) if steps else budget


def _absolute(model: str) -> str:
    """A folder of completions is found again whatever the working directory of a later process."""
    if len(several := authors(model)) > 1:
        return ",".join(f"{_absolute(author.name)}={author.share:g}" for author in several)
    kind, _, place = model.partition(":")
    return f"{kind}:{Path(place).expanduser().resolve()}" if kind in ("folder", "recorded") and place else model


def plan(
    spec: RunSpec, recipe: Recipe, survey: Survey, *, dollars_per_call: float | None, earlier: Iterable[Run] = ()
) -> Plan:
    """The most that `spec` takes: every candidate valid, every failure repaired, no early stop.

    The time rests on what this task's trainings in `earlier` runs took to learn and to be scored, the median of each;
    without any, on the survey's raw speed and a typical cost of either.
    """
    budget = spec.budget
    search = spec.iterations * (spec.k + recipe.tune.trials) - (spec.k - 1 if spec.start_reward else 0)
    leaders = min(compared(spec, recipe), search)
    compare = leaders * budget.compare_seeds if leaders > 1 else 0
    baselines = [name for name in spec.baselines if name != "human" or spec.task.environment.stock_reward]
    final = budget.confirm_seeds + len(baselines) * budget.baseline_seeds
    trainings = search + compare + final
    steps = (search + compare) * most_training_steps(spec, "search") + final * most_training_steps(spec, "confirm")
    scoring = (trainings * budget.rungs + final) * budget.episodes * spec.task.environment.horizon
    completions = _completions(spec, recipe)
    measured = _measured(spec, earlier)
    scoring_s = scoring * _scoring_s(measured, survey, spec.task.environment.horizon)
    busy_s = trainings * START_S + (steps - scoring) * _learning_s(measured, survey) + scoring_s
    return Plan(
        leaders=leaders,
        trainings=trainings,
        steps=steps,
        completions=completions,
        wall_s=busy_s / min(spec.workers, trainings),
        dollars=None if dollars_per_call is None else completions * dollars_per_call,
    )


def _completions(spec: RunSpec, recipe: Recipe) -> int:
    """Calls of the model at most: everything is asked for as often as the recipe lets it be, every review objects."""
    rounds = recipe.critique.rounds
    slot = recipe.describe.calls + (1 + rounds) * (1 + recipe.screen.repairs) + rounds * CALLS
    parents = spec.k * (2 if recipe.parents.pairs else 1)
    analysed = (spec.iterations - 1) * parents * CALLS if recipe.analyse.episodes else 0
    slots = spec.k * (spec.iterations - (spec.start_reward is not None))
    return slots * slot + analysed


def _measured(spec: RunSpec, earlier: Iterable[Run]) -> list[Report]:
    """Trainings of this task with these settings that came to their end."""
    return [
        report
        for run in earlier
        if run.spec
        and run.spec.task.trainer == spec.task.trainer
        and run.spec.task.environment == spec.task.environment
        for report in run.reports.values()
        if report.steps_per_second > 0 and report.failure is None
    ]


def _learning_s(measured: list[Report], survey: Survey) -> float:
    """Seconds of learning per environment step."""
    rates = [report.steps_per_second for report in measured]
    return 1 / median(rates) if rates else 1 / survey.steps_per_second + LEARNING_S


def _scoring_s(measured: list[Report], survey: Survey, horizon: int) -> float:
    """Seconds of scoring per step of episodes that all reach the horizon, as a plan counts them."""
    found = []
    for report in measured:
        scored = [*report.rungs, *([report.final] if report.final else [])]
        if steps := horizon * sum(len(rung.scores) for rung in scored):
            found.append(max(0.0, report.wall_s - report.steps / report.steps_per_second) / steps)
    return median(found) if found else 1 / survey.steps_per_second + SCORING_S
