"""Who is best, who leads, and on which seeds. Only scores choose."""

from __future__ import annotations

from collections.abc import Iterable

from rewardsmith.domain.plan import RunSpec
from rewardsmith.domain.prompt import Turn
from rewardsmith.domain.recipe import Recipe


def ranked(turns: Iterable[Turn]) -> list[Turn]:
    """Turns with a score, best first; ties go to the earlier place. Duplicates stand behind nobody: left out.

    What was stopped early stands behind all that was trained to its end.
    """
    scored = [turn for turn in turns if turn.score is not None and turn.candidate.twin is None]
    return sorted(scored, key=lambda t: (t.stopped, -(t.score or 0.0), t.candidate.generation, t.candidate.slot))


def best(turns: Iterable[Turn]) -> Turn | None:
    """The turn with the highest score."""
    order = ranked(turns)
    return order[0] if order else None


def leaders(turns: tuple[Turn, ...], count: int) -> list[Turn]:
    """The best `count` candidates of the whole search."""
    return ranked(turns)[:count]


def places(spec: RunSpec, recipe: Recipe) -> int:
    """How many candidates lead: what the recipe says, else the budget."""
    return recipe.confirm.leaders or spec.budget.leaders


def legs(spec: RunSpec, recipe: Recipe) -> tuple[int | None, ...]:
    """Rungs at which trainings of the search pause, then None for the end; where the run does not race, None alone."""
    races = spec.race and recipe.parents.warm_start is None
    return recipe.race.legs(spec.budget.rungs) if races else (None,)


def search_seed(spec: RunSpec) -> int:
    """Every candidate of the search is trained on the same seed: paired, so that luck is shared."""
    return spec.seed


def compare_seeds(spec: RunSpec) -> list[int]:
    """Fresh seeds on which the leaders are compared."""
    return [_fresh(spec, 1000 + i) for i in range(spec.budget.compare_seeds)]


def confirm_seeds(spec: RunSpec) -> list[int]:
    """Further seeds on which the winner alone is trained."""
    return [_fresh(spec, 2000 + i) for i in range(spec.budget.confirm_seeds)]


def baseline_seeds(spec: RunSpec) -> list[int]:
    """The first of the confirmation's seeds, so that baselines and winner are paired."""
    return [_fresh(spec, 2000 + i) for i in range(spec.budget.baseline_seeds)]


def _fresh(spec: RunSpec, offset: int) -> int:
    return spec.seed * 10_000 + offset
