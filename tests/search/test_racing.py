"""Races of scripted learning curves through the real trainings, journal and store."""

from __future__ import annotations

import asyncio
import contextlib
import random

import pytest

from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.events import Raced, RunStarted, Screened
from rewardsmith.domain.judgement import Judgement
from rewardsmith.domain.plan import Plan
from rewardsmith.domain.recipe import RaceStage
from rewardsmith.domain.report import Failure, Report, Rung
from rewardsmith.domain.run import Run
from rewardsmith.executors.executor import Done, Lost, Running
from rewardsmith.search.chances import Standing, chances
from rewardsmith.search.journal import Journal
from rewardsmith.search.racing import Race
from rewardsmith.search.selection import leaders
from rewardsmith.search.training import Trainings
from rewardsmith.store.artifacts import RunFolder
from rewardsmith.store.leases import Owner
from rewardsmith.store.store import Store

DOUBT = Failure(gate="archive", kind="misranks", message="it pays the worst most")
GOOD, FAIR, POOR = (3.0, 5.0, 7.0, 9.0), (2.0, 4.0, 6.0, 8.0), (0.0, 0.1, 0.1, 0.2)


class CurveExecutor:
    """Trains by looking up a curve by the source of the reward; each job is polled a few times before it is done."""

    slots = 2

    def __init__(self, curves, polls) -> None:
        self._curves, self._polls = curves, polls
        self._left = {}
        self.jobs = []

    def start(self, folder, job, *, resume_from=None) -> None:
        done = int((resume_from / "checkpoint" / "current.json").read_text()) if resume_from else 0
        self.jobs.append((job.reward.source, done, job.last))
        out = folder / "out"
        (out / "checkpoint").mkdir(parents=True)
        (out / "checkpoint" / "current.json").write_text(str(job.last))
        rungs = tuple(
            Rung(steps=100 * (n + 1), scores=(mean,) * job.episodes, mean=mean, lengths=(5,) * job.episodes)
            for n, mean in enumerate(self._curves[job.reward.source][: job.last])
        )
        report = Report(
            reward_id=job.reward.reward_id,
            seed=job.seed,
            steps=100 * job.last,
            scoring_steps=5 * job.episodes * job.last,
            wall_s=1,
            steps_per_second=1,
            rungs=rungs,
            best_rung=max(range(len(rungs)), key=lambda n: (rungs[n].mean, -n)),
        )
        (out / "report.json").write_text(report.model_dump_json())
        self._left[folder] = self._polls()

    def poll(self, folder):
        if not (folder / "out" / "report.json").exists():
            return Lost("no runner")
        self._left[folder] -= 1
        return Done(folder / "out") if self._left[folder] <= 0 else Running(None)

    def stop(self, folder) -> None:
        pass


@pytest.fixture
def course(tmp_path, story, smith):
    """Builds a race of candidates that are called by their curve's name."""
    with contextlib.ExitStack() as stack:

        def build(curves, *, place="run", polls=lambda: 1, marks=(0.25, 0.5), doubted=(), **spec):
            given = story(**spec).spec
            budget = given.budget.model_copy(update={"rungs": 4, "leaders": 1})
            store = Store.open(tmp_path / f"{place}.db")
            stack.callback(store.close)
            with contextlib.suppress(Exception):
                store.create("story")
            lease = store.claim("story", owner=Owner.current())
            journal = Journal(store, lease, Run(), lambda event, run: None)
            for event in store.events("story"):
                journal.run.apply(event)
            executor = CurveExecutor(curves, polls)
            recipe = smith.model_copy(update={"race": RaceStage(marks=marks, least_share=0.4)})
            given = given.model_copy(update={"budget": budget})
            folder, survey = RunFolder(tmp_path, place), type("Survey", (), {"signals": ()})()
            trainings = Trainings(
                journal, executor, folder, survey, recipe, sleep=lambda _: asyncio.sleep(0), clock=lambda: 0.0
            )
            race = Race(given, recipe, journal, trainings, lambda: None)
            candidates = [
                Candidate(
                    generation=1,
                    slot=slot,
                    origin="proposed",
                    source=name,
                    reward_id=f"{slot:012}",
                    judgement=Judgement(doubt=DOUBT) if name in doubted else None,
                )
                for slot, name in enumerate(curves)
            ]

            async def go():
                if journal.run.spec is None:
                    plan = Plan(trainings=1, steps=1, completions=1, wall_s=None, dollars=None)
                    screened = [Screened(candidate=candidate) for candidate in candidates]
                    await journal.append(RunStarted(spec=given, plan=plan), *screened)
                await asyncio.gather(*(race.train(candidate) for candidate in candidates))
                await race.together(candidates)
                store.release(lease)
                return journal.run

            return go, executor, store

        yield build


def test_everybody_starts_the_best_go_on_and_the_hopeless_are_stopped(course):
    go, executor, _ = course({"poor": POOR, "good": GOOD, "worse": POOR, "fair": FAIR})
    run = asyncio.run(go())
    assert executor.jobs[:4] == [("poor", 0, 1), ("good", 0, 1), ("worse", 0, 1), ("fair", 0, 1)]
    trained = {name for name, _, last in executor.jobs if last == 4}
    assert "good" in trained
    assert not trained & {"poor", "worse"}
    stopped = {run.candidates[name].source for name, raced in run.raced.items() if not raced.goes_on}
    assert {"poor", "worse"} <= stopped
    assert not run.paused
    assert leaders(run.turns(), 1)[0].candidate.source == "good"


def test_a_training_that_pauses_goes_on_from_its_checkpoint_and_its_steps_count_once(course):
    go, executor, _ = course({"good": GOOD})
    run = asyncio.run(go())
    assert executor.jobs == [("good", 0, 1), ("good", 1, 2), ("good", 2, 4)], "alone it is never stopped"
    assert run.usage().trainings == 1
    assert run.usage().steps == 400 + 4 * 5 * run.spec.budget.episodes


def test_who_is_in_doubt_begins_last_and_is_trained_all_the_same(course):
    go, executor, _ = course({"poor": POOR, "good": GOOD, "doubted": GOOD, "fair": FAIR}, doubted=("doubted",))
    run = asyncio.run(go())
    begun = executor.jobs.index(("doubted", 0, 1))
    assert begun > max(executor.jobs.index(job) for job in [("fair", 0, 1), ("good", 1, 2)])
    assert run.reports[("search", "g1c02", run.spec.seed)].score == GOOD[-1]


def test_race_off_trains_everybody_in_full(course):
    go, executor, _ = course({"poor": POOR, "good": GOOD, "fair": FAIR}, race=False)
    run = asyncio.run(go())
    assert [job[1:] for job in executor.jobs] == [(0, 4)] * 3
    assert not run.raced


def test_a_decision_is_an_event_and_is_not_taken_again(course):
    curves = {"poor": POOR, "good": GOOD, "worse": POOR, "fair": FAIR}
    go, _, store = course(curves)
    first = asyncio.run(go())
    raced = [stored for stored in store.events("story") if isinstance(stored.event, Raced)]
    go, executor, store = course(curves)
    again = asyncio.run(go())
    assert executor.jobs == []
    assert [stored for stored in store.events("story") if isinstance(stored.event, Raced)] == raced
    assert again.reports == first.reports


def test_deterministic_races_end_the_same_whoever_is_slow(course):
    generator = random.Random(5)
    curves = {f"c{n}": tuple(generator.gauss(n % 5, 1.5) + m for m in range(4)) for n in range(8)}
    ends = []
    for n in range(4):
        slow = random.Random(n)
        go, _, _ = course(curves, place=f"run{n}", polls=lambda slow=slow: slow.randint(1, 9), deterministic=True)
        run = asyncio.run(go())
        ends.append({name: (raced.rung, raced.goes_on, raced.chance) for name, raced in run.raced.items()})
    assert ends.count(ends[0]) == 4
    assert any(not goes_on for _, goes_on, _ in ends[0].values())


def test_who_ended_best_leads_and_who_is_far_behind_has_no_chance():
    ended = {f"e{n}": Standing((1.0 + n, 2.0 + n, 3.0 + n, 4.0 + n), ended=True) for n in range(20)}
    waiting = {"low": Standing((0.0,), ended=False), "high": Standing((21.0,), ended=False)}
    found = chances({**ended, **waiting}, 4, places=2)
    assert found["e19"] > found["e0"]
    assert found["low"] < 0.1 < 0.5 < found["high"]


def test_where_there_is_room_for_all_everybody_leads():
    assert chances({"a": Standing((0.0,), ended=False), "b": Standing((9.0,), ended=True)}, 4, places=2) == {
        "a": 1.0,
        "b": 1.0,
    }


@pytest.mark.parametrize("scores", [(0.0, 0.0, 0.0), (1e9, -1e9, 0.0), (5.0,) * 3])
def test_equal_and_huge_scores_give_chances(scores):
    found = chances({str(n): Standing((score,), ended=n == 0) for n, score in enumerate(scores)}, 2, places=1)
    assert all(0.0 <= chance <= 1.0 for chance in found.values())
