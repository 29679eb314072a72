"""From what a run is to its search: recipe, model, gates, trainings and stoppers, wired."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from rewardsmith.catalogue.recipes import recipe_from_files
from rewardsmith.domain.job import RewardLimits
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.domain.task import Task
from rewardsmith.executors.executor import Executor
from rewardsmith.models.registry import open_model
from rewardsmith.screening.screen import Screen
from rewardsmith.search.analysing import Analysing
from rewardsmith.search.asking import Asking
from rewardsmith.search.composing import Composing
from rewardsmith.search.examining import Examiner
from rewardsmith.search.journal import Journal
from rewardsmith.search.judging import Judge
from rewardsmith.search.ledger import Ledger
from rewardsmith.search.loop import Search
from rewardsmith.search.mating import Mating
from rewardsmith.search.metering import Metered
from rewardsmith.search.placing import Placing
from rewardsmith.search.racing import Race
from rewardsmith.search.stoppers import first_reason, stoppers
from rewardsmith.search.training import Trainings
from rewardsmith.search.tuning import Tuning
from rewardsmith.search.writing import Writing
from rewardsmith.store.artifacts import RunFolder

__all__ = ["assemble", "gates"]


def assemble(
    journal: Journal,
    found: Survey,
    probe: Probe,
    executor: Executor,
    folder: RunFolder,
    *,
    sleep: Callable[[float], Awaitable[None]],
    clock: Callable[[], float],
    unsafe: bool,
) -> Search:
    """The search of the journal's run, to begin or to go on with.

    Raises:
        UsageError: Its model cannot be opened here.
        MissingExtra: Its model needs a package that is not installed.
    """
    spec = journal.run.spec
    assert spec is not None
    recipe = recipe_from_files(spec.recipe, spec.recipe_files)
    dealt = frozenset(completed.model for completed in journal.run.completions)
    model = open_model(
        spec.model, seed=spec.seed, strict=spec.strict, dealt=dealt, base_url=spec.base_url, record=spec.record
    )
    ledger = Ledger(spec, recipe)
    trainings = Trainings(
        journal,
        executor,
        folder,
        found,
        recipe,
        sleep=sleep,
        clock=clock,
        unsafe=unsafe,
        claim=lambda key, until: ledger.claim(journal.run, key, until),
    )
    judge = Judge(found, probe, RewardLimits(unsafe=unsafe), folder) if recipe.screen.archive else None
    placing = Placing(journal, gates(spec.task, found, probe, unsafe=unsafe), folder, judge)
    asking = Asking(journal, Metered(model, spec.stop, lambda: journal.run), recipe.write)
    writing = Writing(journal, recipe, asking, placing)
    asked = [ledger, *stoppers(spec.stop, exists=lambda path: Path(path).exists())]
    examiner = Examiner(found, probe, RewardLimits(unsafe=unsafe))
    race = Race(spec, recipe, journal, trainings, lambda: first_reason(asked, journal.run))
    composing = Composing(journal, spec, recipe, found, probe)
    analysing = Analysing(recipe, composing, asking, folder)
    mating, tuning = Mating(placing), Tuning(spec, recipe, journal, placing, race)
    return Search(
        spec, recipe, journal, composing, analysing, mating, writing, trainings, race, tuning, asked, examiner, folder
    )


def gates(task: Task, found: Survey, probe: Probe, *, unsafe: bool) -> Screen:
    """The gates before a training on this task."""
    return Screen(found, probe, any_factor=task.trainer.normalize_reward, unsafe=unsafe)
