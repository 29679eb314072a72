from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.recipes import load_recipe, recipe_files
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.events import Attempt, AttemptEnded, RunStarted, Screened, StoredEvent
from rewardsmith.domain.plan import Plan, RunSpec
from rewardsmith.domain.report import Failure, Report, Rung
from rewardsmith.domain.run import Run
from rewardsmith.prompting.messages import check_templates
from rewardsmith.search.journal import Journal
from rewardsmith.store.leases import Owner
from rewardsmith.store.store import Store
from tests.search.desk import Desk


class Story:
    """Builds a run event by event, as the log would."""

    def __init__(self, here: Path, **spec) -> None:
        folders = find_folders(here=here)
        task = load_task("inverted_pendulum", folders)
        values = {
            "run": "story",
            "task": task,
            "budget_name": "quick",
            "budget": task.budgets["quick"],
            "recipe": "smith",
            "recipe_files": recipe_files("smith", folders),
            "model": "offline",
            "iterations": 3,
            "k": 2,
            "workers": 1,
        }
        self.spec = RunSpec(**{**values, **spec})
        self.run = Run()
        self.time = 100.0
        self.tell(RunStarted(spec=self.spec, plan=Plan(trainings=1, steps=1, completions=1, wall_s=None, dollars=None)))

    def tell(self, *events, after: float = 1.0) -> None:
        for event in events:
            self.time += after
            self.run.apply(StoredEvent(id=self.run.last_event + 1, time=self.time, event=event))

    def candidate(self, generation: int, slot: int, score: float | None, *, twin: str | None = None) -> Candidate:
        candidate = Candidate(
            generation=generation,
            slot=slot,
            origin="proposed",
            source="...",
            reward_id=f"{generation:06}{slot:06}",
            twin=twin,
        )
        self.tell(Screened(candidate=candidate))
        if twin is None:
            self.trained("search", candidate.id, self.spec.seed, score)
        return candidate

    def trained(self, purpose: str, subject: str, seed: int, score: float | None) -> None:
        self.tell(
            AttemptEnded(attempt=Attempt(purpose=purpose, subject=subject, seed=seed), report=report(seed, score))
        )


def report(seed: int, score: float | None) -> Report:
    if score is None:
        failure = Failure(gate="train", kind="timeout", message="no answer")
        return Report(reward_id="r", seed=seed, steps=10, wall_s=1, steps_per_second=10, failure=failure)
    rung = Rung(steps=100, scores=(score,), mean=score, lengths=(5,))
    return Report(
        reward_id="r", seed=seed, steps=100, scoring_steps=5, wall_s=1, steps_per_second=100, rungs=(rung,), best_rung=0
    )


@pytest.fixture
def story(tmp_path):
    return lambda **spec: Story(tmp_path, **spec)


@pytest.fixture
def smith(tmp_path):
    return load_recipe("smith", find_folders(here=tmp_path))


@pytest.fixture
def make_report():
    return report


@pytest.fixture
def desk(tmp_path, story):
    store = Store.open(tmp_path / "runs.db")
    store.create("story")
    lease = store.claim("story", owner=Owner.current())
    recipe = load_recipe("auto_mc_reward", find_folders(here=tmp_path))
    check_templates(recipe)
    spec = story(recipe="auto_mc_reward").spec
    plan = Plan(trainings=1, steps=1, completions=1, wall_s=None, dollars=None)
    journal = Journal(store, lease, Run(), lambda event, run: None)
    asyncio.run(journal.append(RunStarted(spec=spec, plan=plan)))
    store.release(lease)
    yield Desk(store, spec, recipe, tmp_path)
    store.close()
