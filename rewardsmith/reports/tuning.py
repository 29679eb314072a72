"""What tuning brought, structure by structure."""

from __future__ import annotations

import contextlib

from rewardsmith.catalogue.recipes import recipe_from_files
from rewardsmith.domain.run import Run
from rewardsmith.errors import RecipeError
from rewardsmith.prompting.tuning import tuned
from rewardsmith.search.selection import best


def tunings(run: Run) -> list[str]:
    """A sentence for each structure that was tuned, in order of the run; why there was none, where one was wanted."""
    turns = run.turns()
    structures = dict.fromkeys(turn.candidate.structure for turn in turns if turn.candidate.origin == "tuned")
    found = [each for name in structures if (each := tuned(turns, name))]
    told = [f"{each.structure}: {each.sentence}" for each in found]
    leader = best(turns)
    if not structures and leader and not leader.candidate.parameters and _wanted(run):
        told.append(f"{leader.candidate.id}, the best so far, has no parameters: there is nothing to tune.")
    return told


def tuning_section(run: Run) -> str:
    """The section of a report; empty where nothing is to be told."""
    told = tunings(run)
    return "\n".join(["## Tuning", "", *(f"- {line}" for line in told)]) if told else ""


def _wanted(run: Run) -> bool:
    """Whether the run's recipe tunes; a recipe that this version cannot read says nothing."""
    assert run.spec is not None
    with contextlib.suppress(RecipeError):
        return recipe_from_files(run.spec.recipe, run.spec.recipe_files).tune.trials > 0
    return False
