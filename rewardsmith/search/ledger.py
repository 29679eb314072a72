"""What a run may still start: spent, under way and kept for the confirmation, against its limits.

A training is charged at the most that it can take from the moment it starts until its report says what it took, so
that no limit is passed, however many run side by side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rewardsmith.domain.events import Purpose
from rewardsmith.domain.plan import RunSpec
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.run import Run
from rewardsmith.search.believing import most_rollout
from rewardsmith.search.selection import compare_seeds, confirm_seeds, leaders


def most_training_steps(spec: RunSpec, purpose: str) -> int:
    """Environment steps that one training can take, scoring included.

    Every rung ends with a whole rollout; the confirmation and the baselines are scored once more at their end.
    """
    budget, rollout = spec.budget, most_rollout(spec.task.trainer) * spec.task.trainer.environments
    trained = max(-(-budget.steps // rollout), budget.rungs) * rollout
    scorings = budget.rungs + (purpose in ("baseline", "confirm"))
    return trained + scorings * budget.episodes * spec.task.environment.horizon


class Ledger:
    """The books of one run."""

    def __init__(self, spec: RunSpec, recipe: Recipe) -> None:
        self._spec = spec
        self._recipe = recipe
        self._claimed: set[tuple[Purpose, str, int]] = set()

    def claim(self, run: Run, key: tuple[Purpose, str, int]) -> str | None:
        """Charge a training that is about to start; why it may not, where the limits leave no room for it.

        One that goes on after a pause was charged when it started.
        """
        if key in self._claimed:
            return None
        if key not in run.paused and (reason := self.refusal(run, key[0])):
            return reason
        self._claimed.add(key)
        return None

    def reason(self, run: Run) -> str | None:
        """Why the search may start no further training; see `Stopper`."""
        return self.refusal(run, "search")

    def refusal(self, run: Run, purpose: Purpose) -> str | None:
        """Why no training for `purpose` may start; None where one may.

        The search and the baselines leave room for the confirmation.
        """
        stop = self._spec.stop
        begun = [key[0] for key in self._begun(run)]
        kept = self._kept(run) if purpose in ("search", "baseline") else []
        taken = len(run.reports) + len(begun)
        if stop.trainings is not None and taken + len(kept) + 1 > stop.trainings:
            return f"{taken} trainings begun and {len(kept)} kept for the confirmation, of {stop.trainings}"
        if stop.steps is None:
            return None
        ended = sum(report.steps + report.scoring_steps for report in run.reports.values())
        steps, reserve = ended + self._most(begun), self._most(kept)
        if steps + reserve + self._most([purpose]) > stop.steps:
            return f"{steps:,} environment steps begun and {reserve:,} kept for the confirmation, of {stop.steps:,}"
        return None

    def _begun(self, run: Run) -> set[tuple[str, str, int]]:
        """Trainings that are under way or paused."""
        return (set(run.open) | set(run.paused) | self._claimed) - set(run.reports)

    def _kept(self, run: Run) -> list[Purpose]:
        """Trainings that the confirmation will still take when one more candidate is trained."""
        under_way = self._begun(run)
        most = self._recipe.confirm.leaders or self._spec.budget.leaders
        training = sum(purpose == "search" for purpose, _, _ in under_way)
        count = min(most, len(leaders(run.turns(), most)) + training + 1)
        wanted: dict[Purpose, int] = {
            "compare": count * len(compare_seeds(self._spec)) if count > 1 else 0,
            "confirm": len(confirm_seeds(self._spec)),
        }
        had = Counter(key[0] for key in (*run.reports, *under_way))
        return [purpose for purpose, number in wanted.items() for _ in range(number - had[purpose])]

    def _most(self, purposes: Iterable[str]) -> int:
        return sum(most_training_steps(self._spec, purpose) for purpose in purposes)
