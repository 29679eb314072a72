"""From what is asked for to a run that may begin: its models open, its survey there, its costs estimated."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rewardsmith.domain.plan import Plan, RunSpec
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.run import Run
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.models.model import price, window
from rewardsmith.models.registry import open_model
from rewardsmith.prompting.messages import compose_first, estimate_tokens
from rewardsmith.retrieval.nearest import retrieve
from rewardsmith.search.assembly import gates, open_watcher
from rewardsmith.search.metering import check_priced
from rewardsmith.search.planning import EARLIER_RUNS, plan
from rewardsmith.search.single import start_reward

Runs = Callable[[int], Iterable[Run]]
"""The last so many runs that there are, all of them for 0."""


def prepare(
    spec: RunSpec,
    recipe: Recipe,
    survey: Callable[[], tuple[Survey, Probe]],
    runs: Runs,
    *,
    start: str | None,
    unsafe: bool,
) -> tuple[RunSpec, Plan]:
    """What is known of a run before it begins, and what it is expected to take.

    Args:
        spec: What was asked for.
        recipe: Its recipe, whose templates were checked.
        survey: Surveys its task, once nothing that costs less can fail.
        runs: For examples, and for the time that the run will take.
        start: File of a person's reward to start from.
        unsafe: Whether rewards run without isolation.

    Raises:
        UsageError: A model cannot be opened here, its limit would never act, or there is no starting from `start`.
    """
    model = open_model(spec.model, seed=spec.seed, strict=spec.strict, base_url=spec.base_url, record=spec.record)
    check_priced(model, spec.model, spec.stop, instead="--iters, --max-steps or --max-minutes")
    open_watcher(spec, recipe)
    found, probe = survey()
    source = start and start_reward(start, recipe, spec.task, gates(spec.task, found, probe, unsafe=unsafe))
    shown = retrieve(recipe.retrieve, runs(0), spec.task, found)
    spec = spec.model_copy(update={"examples": shown, "window": window(model), "start_reward": source})
    tokens = estimate_tokens(compose_first(recipe, spec.task, found, probe, shown))
    dollars = price(model, tokens, recipe.write.max_tokens)
    return spec, plan(spec, recipe, found, dollars_per_call=dollars, earlier=list(runs(EARLIER_RUNS)))
