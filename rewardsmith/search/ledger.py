"""What a run may still start: spent, under way and kept for the confirmation, against its limits.

A training is charged at the most that it can take from the moment it starts until its report says what it took, so
that no limit is passed, however many run side by side. One that is to pause is charged until its pause. Wall time is
kept for the confirmation as far as trainings take as long as those before.
"""

from __future__ import annotations

from collections import Counter
from statistics import median

from rewardsmith.domain.events import Purpose
from rewardsmith.domain.plan import RunSpec
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.run import Run
from rewardsmith.domain.task import Budget
from rewardsmith.search.believing import most_rollout
from rewardsmith.search.selection import compare_seeds, confirm_seeds, leaders, legs, places
from rewardsmith.search.warming import warm_budget, warm_parent


def most_training_steps(spec: RunSpec, purpose: str, until: int | None = None, budget: Budget | None = None) -> int:
    """Environment steps that one training can take until so many rungs, all when absent, scoring included.

    Its budget is the run's unless it is given another one.

    Every rung ends with a whole rollout; the confirmation and the baselines are scored once more at their end.
    """
    budget, rollout = budget or spec.budget, most_rollout(spec.task.trainer) * spec.task.trainer.environments
    rungs = until or budget.rungs
    trained = max(-(-budget.steps * rungs // (budget.rungs * rollout)), rungs) * rollout
    scorings = rungs + (purpose in ("baseline", "confirm"))
    return trained + scorings * budget.episodes * spec.task.environment.horizon


def compared(spec: RunSpec, recipe: Recipe) -> int:
    """How many leaders are compared on fresh seeds.

    Only the best of the search, which is then compared with nobody, where the comparison could take more than a quarter
    of the steps or trainings that are allowed: the search has more of them.
    """
    count, stop = places(spec, recipe), spec.stop
    trainings = count * len(compare_seeds(spec))
    dear = stop.trainings is not None and 4 * trainings > stop.trainings
    if stop.steps is not None:
        dear = dear or 4 * trainings * most_training_steps(spec, "compare") > stop.steps
    return 1 if dear else count


Key = tuple[str, str, int]
"""Purpose, subject and seed."""


class Ledger:
    """The books of one run."""

    def __init__(self, spec: RunSpec, recipe: Recipe) -> None:
        self._spec = spec
        self._recipe = recipe
        self._claimed: dict[Key, int | None] = {}

    def claim(self, run: Run, key: Key, until: int | None = None) -> str | None:
        """Charge a training that is about to start, or to go on, until so many rungs; why it may not.

        Not where the limits leave no room for it.
        """
        if reason := self._refusal(run, key, until):
            return reason
        self._claimed[key] = until
        return None

    def reason(self, run: Run) -> str | None:
        """Why the search may start no further training; see `Stopper`."""
        return self._refusal(run, ("search", "", -1), legs(self._spec, self._recipe)[0])

    def refusal(self, run: Run, purpose: Purpose) -> str | None:
        """Why no training for `purpose` may start; None where one may."""
        return self._refusal(run, (purpose, "", -1), None)

    def _refusal(self, run: Run, key: Key, until: int | None) -> str | None:
        """The search and the baselines leave room for the confirmation."""
        stop, purpose = self._spec.stop, key[0]
        begun = self._begun(run)
        kept = self._kept(run, key) if purpose in ("search", "baseline") else []
        taken = len({*run.reports, *run.paused, *begun} - {key})
        if stop.trainings is not None and taken + len(kept) + 1 > stop.trainings:
            return f"{taken} trainings begun and {len(kept)} kept for the confirmation, of {stop.trainings}"
        under_way = sum(self._left(run, each, begun[each]) for each in begun if each != key)
        steps = run.usage().steps + under_way
        reserve = sum(most_training_steps(self._spec, each) for each in kept)
        mine = self._left(run, key, until)
        if stop.steps is not None and steps + reserve + mine > stop.steps:
            return f"{steps:,} environment steps begun and {reserve:,} kept for the confirmation, of {stop.steps:,}"
        seconds = _seconds_per_step(run)
        if stop.wall_s is None or seconds is None or purpose not in ("search", "baseline"):
            return None
        ahead = seconds * (mine + (under_way + reserve) / self._spec.workers)
        if run.wall_s + ahead > stop.wall_s:
            used = f"{run.wall_s:.0f} s used, of {stop.wall_s:.0f} s"
            return f"{used}, and a further training and the confirmation take about {ahead:.0f} s more"
        return None

    def _begun(self, run: Run) -> dict[Key, int | None]:
        """Trainings that are under way, and until how many rungs."""
        begun = self._claimed | {key: attempt.until for key, attempt in run.open.items()}
        return {key: until for key, until in begun.items() if run.reached(key, until) is None}

    def _left(self, run: Run, key: Key, until: int | None) -> int:
        """Most steps that a training still takes until so many rungs."""
        had = run.paused.get(key)
        taken = had.steps + had.scoring_steps if had else 0
        warm = warm_parent(run, self._recipe, key[0], key[1])
        budget = warm_budget(self._spec.budget, self._recipe) if warm else None
        return max(0, most_training_steps(self._spec, key[0], until, budget) - taken)

    def _kept(self, run: Run, key: Key) -> list[Purpose]:
        """Trainings that the confirmation will still take when one more candidate is trained."""
        under_way = set(self._begun(run)) - set(run.paused) - {key}
        most = compared(self._spec, self._recipe)
        training = sum(purpose == "search" for purpose, _, _ in under_way) + (key not in run.paused)
        count = min(most, len(leaders(run.turns(), most)) + training)
        wanted: dict[Purpose, int] = {
            "compare": count * len(compare_seeds(self._spec)) if count > 1 else 0,
            "confirm": len(confirm_seeds(self._spec)),
        }
        had = Counter(purpose for purpose, _, _ in {*run.reports, *under_way})
        return [purpose for purpose, number in wanted.items() for _ in range(number - had[purpose])]


def _seconds_per_step(run: Run) -> float | None:
    """Wall time of one environment step in one worker: as in the run's own trainings, before any as in its plan."""
    rates = [r.wall_s / taken for r in run.reports.values() if (taken := r.steps + r.scoring_steps) and not r.failure]
    if rates:
        return median(rates)
    if run.plan is None or run.spec is None or run.plan.wall_s is None:
        return None
    return run.plan.wall_s * min(run.spec.workers, run.plan.trainings) / run.plan.steps
