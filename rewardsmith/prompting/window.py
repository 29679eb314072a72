"""A context cut until its prompt fits the model's window, by stated priorities.

First goes history, the oldest generation first; then examples, the least similar first; then the environment's source,
by halves from its end. The task, the contract, the signals, the parent and the last generation always stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rewardsmith.domain.prompt import Context
from rewardsmith.domain.recipe import Recipe
from rewardsmith.prompting.history import last_generation
from rewardsmith.prompting.messages import compose, estimate_tokens

MARGIN = 4 / 3
"""How far an estimate of tokens may be off."""

Step = tuple[Context, str]
"""A smaller context, and what is left out of it."""


def fitted(recipe: Recipe, context: Context, window: int | None) -> Context:
    """The context, or as much of it as the window holds; its `cut` says what was left out.

    Args:
        recipe: Its templates, and the cap on an answer, which shares the window.
        context: What a slot is asked.
        window: Tokens that the model takes at most; None where that is not known.

    Raises:
        RecipeError: A template raised.
    """
    if window is None:
        return context
    room = (window - min(recipe.write.max_tokens, window // 2)) / MARGIN
    size = estimate_tokens(compose(recipe, context))
    for steps in (_younger, _fewer_examples, _shorter_view):
        cut, whole = context.cut, context
        for smaller, left_out in steps(whole):
            if size <= room:
                break
            told = replace(smaller, cut=(*cut, left_out))
            less = estimate_tokens(compose(recipe, told))
            if less < size:
                context, size = told, less
    return context


def _younger(context: Context) -> Iterator[Step]:
    for since in range(context.since + 1, last_generation(context.history) + 1):
        yield replace(context, since=since), f"what was tried before generation {since}"


def _fewer_examples(context: Context) -> Iterator[Step]:
    there = len(context.examples)
    for left in range(there - 1, -1, -1):
        yield replace(context, examples=context.examples[:left]), f"{there - left} of {there} examples"


def _shorter_view(context: Context) -> Iterator[Step]:
    lines = context.survey.view.splitlines()
    left = len(lines)
    while left:
        left //= 2
        out = f"{len(lines) - left} of {len(lines)} lines of the environment's source"
        view = "\n".join([*lines[:left], f"# {len(lines) - left} further lines are left out"])
        yield replace(context, survey=context.survey.model_copy(update={"view": view})), out
