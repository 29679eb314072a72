"""Warm starts: who goes on from whose policy, with how many steps, and what that is charged."""

from __future__ import annotations

import asyncio

import pytest

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.recipes import load_recipe
from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.events import Screened
from rewardsmith.domain.job import TrainJob
from rewardsmith.domain.recipe import ConfirmStage, RaceStage
from rewardsmith.reports.outcomes import became
from rewardsmith.search.confirming import spec_of
from rewardsmith.search.journal import Journal
from rewardsmith.search.ledger import Ledger, most_training_steps
from rewardsmith.search.selection import confirm_seeds, legs
from rewardsmith.search.training import Trainings
from rewardsmith.search.warming import warm_budget, warm_parent
from rewardsmith.store.artifacts import RunFolder
from rewardsmith.store.leases import Owner
from rewardsmith.store.store import Store

from .test_training import ScriptedExecutor

SMITH = load_recipe("smith", find_folders())
WARM = SMITH.model_copy(update={"parents": SMITH.parents.model_copy(update={"warm_start": 0.4})})


def child(*parents: str, origin: str = "mutated", slot: int = 0) -> Candidate:
    return Candidate(
        generation=2, slot=slot, origin=origin, parents=parents, source=f"{slot}", reward_id=f"child{slot}"
    )


@pytest.fixture
def told(story):
    told = story()
    told.candidate(1, 0, 1.0)
    told.candidate(1, 1, None)
    told.candidate(1, 2, None, twin="g1c00")
    told.candidate(1, 3, 2.0)
    return told


@pytest.mark.parametrize(
    ("candidate", "parent"),
    [
        (child("g1c00"), "g1c00"),
        (child("g1c03", "g1c00", origin="crossed"), "g1c03"),
        (child("g1c02"), "g1c00"),
        (child("g1c01"), None),
        (child("g9c09"), None),
        (child(origin="proposed"), None),
        (child("g1c00", origin="tuned"), None),
    ],
    ids=["parent", "first of two", "its twin", "failed", "unknown", "none", "tuned"],
)
def test_a_child_goes_on_from_its_first_parents_policy(told, candidate, parent):
    told.tell(Screened(candidate=candidate))
    assert warm_parent(told.run, WARM, "search", candidate.id) == parent
    assert warm_parent(told.run, WARM, "confirm", candidate.id) is None
    assert warm_parent(told.run, SMITH, "search", candidate.id) is None


def test_it_has_a_share_of_the_steps_in_rungs_as_long(told):
    budget = warm_budget(told.spec.budget, WARM)
    assert budget.steps == 0.4 * told.spec.budget.steps
    assert budget.rungs == 2
    assert told.spec.budget.rungs == 3


def test_nothing_is_raced(told):
    assert len(legs(told.spec, SMITH)) > 1
    assert legs(told.spec, WARM) == (None,)


def test_it_is_charged_its_share(story):
    told = story()
    whole = most_training_steps(told.spec, "search")
    mine = most_training_steps(told.spec, "search", budget=warm_budget(told.spec.budget, WARM))
    assert mine < 0.7 * whole
    kept = len(confirm_seeds(told.spec)) * most_training_steps(told.spec, "confirm")
    for recipe, room in ((WARM, True), (SMITH, False)):
        alone = recipe.model_copy(update={"confirm": ConfirmStage(leaders=1), "race": RaceStage()})
        told = story(stop={"steps": 105 + kept + mine})
        told.candidate(1, 0, 1.0)
        told.tell(Screened(candidate=child("g1c00")))
        refusal = Ledger(told.spec, alone).claim(told.run, ("search", "g2c00", told.spec.seed))
        assert (refusal is None) == room


class _Watched(ScriptedExecutor):
    def __init__(self, report, losing):
        super().__init__(report, losing)
        self.jobs: list[TrainJob] = []

    def start(self, folder, job, *, resume_from=None):
        self.jobs.append(job)
        super().start(folder, job, resume_from=resume_from)


@pytest.mark.parametrize("lost", [False, True], ids=["at once", "after a lost worker"])
def test_the_worker_is_given_the_parents_policy_and_then_its_own_checkpoint(tmp_path, told, make_report, lost):
    store = Store.open(tmp_path / "rewardsmith.db")
    store.create("story")
    journal = Journal(store, store.claim("story", owner=Owner.current()), told.run, lambda event, run: None)
    executor, folder = _Watched(make_report, {"g2c00"} if lost else set()), RunFolder(tmp_path, "story")
    survey = type("Survey", (), {"signals": ()})()
    trainings = Trainings(journal, executor, folder, survey, WARM, sleep=asyncio.sleep, clock=lambda: 0.0)
    told.tell(Screened(candidate=child("g1c00")))
    seed = told.spec.seed
    asyncio.run(trainings.report("search", "g2c00", seed, spec_of(told.run.candidates["g2c00"]), priority=lambda: (1,)))
    first, *later = executor.jobs
    parents = folder.attempt(told.run.finished["search", "g1c00", seed]) / "out"
    assert first.warm
    assert executor.resumed[0] == parents
    assert first.steps == warm_budget(told.spec.budget, WARM).steps
    assert len(later) == (2 if lost else 0)
    for number, job in enumerate(later):
        assert not job.warm
        assert job.steps == first.steps
        assert executor.resumed[number + 1] == executor.started[number] / "out"
    assert lost or told.run.finished["search", "g2c00", seed].warm == "g1c00"
    if not lost:
        assert became(told.run, told.run.candidates["g2c00"]).startswith("trained 100 steps on from g1c00's policy")
    store.close()
