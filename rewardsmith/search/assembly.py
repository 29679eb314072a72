"""From what a run is to its search: recipe, model, gates, trainings and stoppers, wired."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from pathlib import Path

from rewardsmith.catalogue.recipes import recipe_from_files
from rewardsmith.domain.job import RewardLimits
from rewardsmith.domain.plan import RunSpec
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.domain.task import Task
from rewardsmith.errors import UsageError
from rewardsmith.executors.executor import Executor
from rewardsmith.models.model import Model
from rewardsmith.models.registry import open_model
from rewardsmith.prompting.seeing import check_watcher
from rewardsmith.screening.screen import Screen
from rewardsmith.search.analysing import Analysing
from rewardsmith.search.asking import Asking
from rewardsmith.search.composing import Composing
from rewardsmith.search.describing import Describing
from rewardsmith.search.examining import Examiner
from rewardsmith.search.filming import Camera
from rewardsmith.search.journal import Journal
from rewardsmith.search.judging import Judge
from rewardsmith.search.ledger import Ledger
from rewardsmith.search.loop import Search
from rewardsmith.search.mating import Mating
from rewardsmith.search.metering import Metered
from rewardsmith.search.placing import Placing
from rewardsmith.search.racing import Race
from rewardsmith.search.seeing import SeeingModel
from rewardsmith.search.stoppers import first_reason, stoppers
from rewardsmith.search.training import Trainings
from rewardsmith.search.tuning import Tuning
from rewardsmith.search.watching import PERSON, Watcher, Watching
from rewardsmith.search.writing import Writing
from rewardsmith.store.artifacts import RunFolder

__all__ = ["assemble", "gates", "open_watcher"]


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
    person: Watcher | None = None,
    watched: bool = True,
) -> Search:
    """The search of the journal's run, to begin or to go on with.

    Who watches is `person` where there is one, else the model that the run names, unless it is not `watched`.

    Raises:
        UsageError: Its model cannot be opened here, or a person is to watch and nobody is there.
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
    describing = Describing(recipe, asking, placing)
    mating, tuning = Mating(placing), Tuning(spec, recipe, journal, placing, race)
    watcher = person or (_watcher(journal, recipe, dealt) if watched else None)
    watching = Watching(journal, composing, Camera(journal.run, executor, folder, found, sleep), watcher)
    return Search(
        spec,
        recipe,
        journal,
        watching,
        composing,
        analysing,
        describing,
        mating,
        writing,
        trainings,
        race,
        tuning,
        asked,
        examiner,
        folder,
    )


def open_watcher(spec: RunSpec, recipe: Recipe, dealt: Collection[str] = ()) -> Model | None:
    """The vision model that watches a run; None where nobody does, or a person.

    It is asked at the run's own address, unless that serves a model of another kind.

    Raises:
        RecipeError: The recipe has nothing to ask it.
        UsageError: It cannot be opened here.
        MissingExtra: It needs a package that is not installed.
    """
    if spec.watcher in (None, PERSON):
        return None
    check_watcher(recipe)
    kinds = {name.partition(":")[0] for name in (spec.model, spec.watcher)} & {"openai", "litellm"}
    base_url = spec.base_url if len(kinds) == 1 else None
    return open_model(
        spec.watcher, seed=spec.seed, strict=spec.strict, dealt=dealt, base_url=base_url, record=spec.record
    )


def _watcher(journal: Journal, recipe: Recipe, dealt: Collection[str]) -> Watcher | None:
    spec = journal.run.spec
    assert spec is not None
    if spec.watcher == PERSON:
        raise UsageError(
            f"run {spec.run} asks a person after each generation, and nobody is there",
            hint=f"`rewardsmith resume {spec.run}` in a terminal, or with --unwatched",
        )
    model = open_watcher(spec, recipe, dealt)
    if model is None:
        return None
    asking = Asking(journal, Metered(model, spec.stop, lambda: journal.run), recipe.write)
    return SeeingModel(model.name, recipe, asking)


def gates(task: Task, found: Survey, probe: Probe, *, unsafe: bool) -> Screen:
    """The gates before a training on this task."""
    return Screen(found, probe, any_factor=task.trainer.normalize_reward, unsafe=unsafe)
