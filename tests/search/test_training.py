"""Trainings against an executor that is told what becomes of each: what is lost, what is followed, what is given up."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.recipes import load_recipe
from rewardsmith.domain.events import Attempt, AttemptStarted
from rewardsmith.domain.job import RewardSpec
from rewardsmith.domain.run import Run
from rewardsmith.errors import WorkerFailed
from rewardsmith.executors.executor import Done, Lost
from rewardsmith.search.journal import Journal
from rewardsmith.search.training import MAX_LOST, Trainings
from rewardsmith.store.artifacts import RunFolder
from rewardsmith.store.leases import Owner
from rewardsmith.store.store import Store


class ScriptedExecutor:
    """Ends every job at once: lost for subjects in `losing`, else with a report of the job's reward and seed."""

    slots = 2

    def __init__(self, report, losing: set[str]) -> None:
        self._report = report
        self.losing = losing
        self.started: list[Path] = []
        self.resumed: list[Path | None] = []

    def start(self, folder, job, *, resume_from=None) -> None:
        self.started.append(folder)
        self.resumed.append(resume_from)
        out = folder / "out"
        out.mkdir(parents=True)
        if set(folder.parts) & self.losing:
            (out / "checkpoint").mkdir()
            (out / "checkpoint" / "current.json").write_text("{}")
        else:
            report = self._report(job.seed, 1.0).model_copy(update={"reward_id": job.reward.reward_id})
            (out / "report.json").write_text(_of(job, report).model_dump_json())

    def poll(self, folder):
        return Done(folder / "out") if (folder / "out" / "report.json").exists() else Lost("its runner ended")

    def stop(self, folder) -> None:
        raise AssertionError("nothing is to be stopped here")


def _of(job, report):
    """The report as a worker would give it: every rung of every episode, and the final one where it is asked for."""
    rung = report.rungs[0].model_copy(update={"scores": (1.0,) * job.episodes, "lengths": (5,) * job.episodes})
    scored = job.rungs + job.final
    return report.model_copy(
        update={
            "rungs": (rung,) * job.rungs,
            "final": rung if job.final else None,
            "scoring_steps": 5 * job.episodes * scored,
        }
    )


@pytest.fixture
def training(tmp_path, story, make_report):
    store = Store.open(tmp_path / "rewardsmith.db")
    store.create("story")
    lease = store.claim("story", owner=Owner.current())

    def build(losing=(), recipe=None):
        told = story()
        run = Run()
        journal = Journal(store, lease, run, lambda event, state: None)
        executor = ScriptedExecutor(make_report, set(losing))
        folder = RunFolder(tmp_path, "story")
        survey = type("Survey", (), {"signals": ()})()
        found = recipe or load_recipe("smith", find_folders())
        trainings = Trainings(journal, executor, folder, survey, found, sleep=asyncio.sleep, clock=lambda: 0.0)
        run.spec = told.spec
        return run, journal, executor, trainings

    yield build
    store.close()


def _report(trainings, subject, purpose="baseline"):
    reward = RewardSpec(kind="sparse", reward_id="sparse")
    return asyncio.run(trainings.report(purpose, subject, 7, reward, priority=lambda: (1,)))


def test_a_result_is_trained_once(training):
    _, _, executor, trainings = training()
    assert _report(trainings, "sparse").score == 1.0
    assert _report(trainings, "sparse").score == 1.0
    assert len(executor.started) == 1


def test_where_every_worker_is_lost_the_machine_is_to_blame(training):
    run, _, executor, trainings = training(losing={"sparse"})
    with pytest.raises(WorkerFailed, match="sparse"):
        _report(trainings, "sparse")
    assert len(executor.started) == MAX_LOST
    assert not run.reports


def test_one_training_that_loses_its_workers_where_others_do_well_fails_alone(training):
    run, _, executor, trainings = training(losing={"g1c00"})
    _report(trainings, "sparse")
    reward = RewardSpec(kind="candidate", reward_id="abc", source="...")
    report = asyncio.run(trainings.report("compare", "g1c00", 7, reward, priority=lambda: (1,)))
    assert report.failure.kind == "worker_lost"
    assert report.score is None
    assert run.reports[("compare", "g1c00", 7)] == report
    assert len(executor.started) == 1 + MAX_LOST


def test_a_runner_that_dies_before_it_begins_is_lost_and_started_again(training):
    run, _, executor, trainings = training()
    begin, died = executor.start, []

    def start(folder, job, *, resume_from=None):
        if not died:
            died.append(folder)
            raise WorkerFailed("the runner ended before it began")
        begin(folder, job, resume_from=resume_from)

    executor.start = start
    assert _report(trainings, "sparse").score == 1.0
    assert run.lost[("baseline", "sparse", 7)] == 1


def test_a_next_attempt_continues_from_the_newest_checkpoint(training):
    _, _, executor, trainings = training(losing={"sparse"})
    with pytest.raises(WorkerFailed):
        _report(trainings, "sparse")
    first, second, third = executor.started
    assert executor.resumed == [None, first / "out", second / "out"]
    assert third.name == "try-2"


def test_an_attempt_whose_runner_went_down_unwatched_is_not_overwritten(training):
    run, journal, executor, trainings = training()
    attempt = Attempt(purpose="baseline", subject="sparse", seed=7)
    asyncio.run(journal.append(AttemptStarted(attempt=attempt)))
    executor.losing.add("try-0")
    executor.start(
        trainings._folder.attempt(attempt), trainings._job(attempt, RewardSpec(kind="sparse", reward_id=""), warm=False)
    )
    report = _report(trainings, "sparse")
    assert report.score == 1.0
    assert [folder.name for folder in executor.started] == ["try-0", "try-1"]
    assert run.lost[attempt.key] == 0, "nobody was there to lose it"
    assert executor.resumed[1] == executor.started[0] / "out"


def test_what_is_not_admitted_is_not_started(training):
    async def never():
        return False

    _, _, executor, trainings = training()
    reward = RewardSpec(kind="sparse", reward_id="sparse")
    report = asyncio.run(trainings.report("baseline", "sparse", 7, reward, priority=lambda: (1,), admit=never))
    assert report is None
    assert not executor.started
