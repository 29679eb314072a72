"""The seam of parent selection, and the policies by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rewardsmith.domain.prompt import Turn
from rewardsmith.domain.recipe import Recipe
from rewardsmith.errors import UnknownName
from rewardsmith.search.policies.best import generation_best, overall_best
from rewardsmith.search.policies.top import top
from rewardsmith.search.policies.weighted import weighted


@dataclass(frozen=True)
class Place:
    """The slot that a parent is wanted for."""

    slot: int
    """From 0."""
    top: int
    """How many of the best share a generation, where the policy shares it so."""
    children: Mapping[str, int]
    """How often each candidate was made a parent, by id; those of the slots before this one included."""
    rng: np.random.Generator
    """The slot's own generator."""


class Policy(Protocol):
    """Picks one parent. It looks at nothing but its arguments, so that a resumed run picks the same."""

    def __call__(self, turns: Sequence[Turn], place: Place) -> Turn | None:
        """The parent for one slot, among all earlier candidates; None where none has a score."""
        ...


POLICIES: Mapping[str, Policy] = {
    "overall_best": overall_best,
    "generation_best": generation_best,
    "top": top,
    "weighted": weighted,
}


def policy_of(recipe: Recipe) -> Policy:
    """The policy that a recipe names. Raises UnknownName with the near misses."""
    name = recipe.parents.policy
    if name not in POLICIES:
        raise UnknownName("policy", name, POLICIES, where=f"recipe {recipe.name}, [parents]")
    return POLICIES[name]
