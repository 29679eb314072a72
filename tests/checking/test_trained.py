"""The tiers that train: what they say of scores, what they cost, and what they leave behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.sandboxes import load_sandbox
from rewardsmith.checking.kept import write_kept
from rewardsmith.checking.trained import Course
from rewardsmith.checking.training import Trainer
from rewardsmith.domain.job import RewardLimits
from rewardsmith.domain.lock import LockedTraining, Trained
from rewardsmith.domain.regression import TierResult, Trials
from rewardsmith.domain.report import Failure, Report, Rung
from rewardsmith.errors import WorkerFailed
from rewardsmith.executors.executor import Running
from rewardsmith.executors.local import LocalExecutor

STEADY = [(0.1, 2.0, 3.0), (0.2, 2.2, 3.2), (0.15, 1.9, 3.1)]
WILD = [(0.1, 1.0, 5.0), (0.2, 2.2, 1.2), (0.15, 0.1, 0.4)]


class Told(Trainer):
    """Trains nothing: tells scores, the same for every seed but for what `by` adds to each."""

    def __init__(self, scores: tuple[float, ...], by: float = 0.0, failure: Failure | None = None) -> None:
        self.notes: list[str] = []
        super().__init__(LocalExecutor(2, load_sandbox("process", find_folders())), Path(), self.notes.append)
        self.scores, self.by, self.failure = scores, by, failure
        self.seeds: list[int] = []

    def train(self, jobs: Any) -> dict[int, Report]:
        self.seeds += jobs
        return {seed: self.report(job, self.by * i) for i, (seed, job) in enumerate(jobs.items())}

    def report(self, job: Any, more: float) -> Report:
        means = [score + more for score in self.scores[: job.last]]
        rungs = tuple(Rung(steps=1000 * (i + 1), scores=(m,), mean=m, lengths=(1,)) for i, m in enumerate(means))
        best = max(range(len(means)), key=means.__getitem__)
        return Report(reward_id="r", seed=job.seed, steps=1000 * job.last, wall_s=1, steps_per_second=1, rungs=rungs,
                      best_rung=best, final=rungs[best] if job.final else None, failure=self.failure)  # fmt: skip


@pytest.fixture
def course(bench: Any):
    def made(trainer: Trainer, curves: list[tuple[float, ...]], *, confirmed: bool = True, **trials: Any) -> Course:
        trainings = tuple(LockedTraining(seed=i, rungs=rungs, score=max(rungs)) for i, rungs in enumerate(curves))
        trained = Trained(
            steps=3000, rungs=3, episodes=1, confirmed=confirmed, steps_per_second=100.0, trainings=trainings
        )
        kept = replace(bench.kept, lock=bench.kept.lock.model_copy(update={"trained": trained}))
        return Course(kept, kept.lock.task, bench.survey, trainer, Trials(**trials), RewardLimits())

    return made


def test_a_lock_keeps_the_trainings_of_the_confirmation(bench: Any) -> None:
    trained = bench.workshop.keeper.keep(bench.run).lock.trained
    reports = bench.workshop.run(bench.run).reports
    assert trained.confirmed
    assert {each.seed: each.score for each in trained.trainings} == {
        key[2]: report.score for key, report in reports.items() if key[0] == "confirm"
    }
    assert all(len(each.rungs) == trained.rungs for each in trained.trainings)


def test_smoke_stops_at_the_first_rung_in_the_band(course: Any) -> None:
    trainer = Told((0.1, 2.0, 0.0))
    result = course(trainer, STEADY).tier("smoke")
    assert result.verdict == "passed"
    assert "seed 3 got to 2.00 within 2k steps; 3 locked seeds to 2.03" in result.reason
    assert trainer.seeds == [3]
    assert "smoke: 1 training of 3k steps at most, about 34 s" in trainer.notes[0]


def test_smoke_gives_a_late_training_one_rung_more(course: Any) -> None:
    trainer = Told((0.1, 0.2, 3.0))
    assert course(trainer, STEADY).tier("smoke").verdict == "passed"
    assert trainer.seeds == [3, 3]


def test_smoke_names_the_score_and_how_likely_seeds_are(course: Any) -> None:
    result: TierResult = course(Told((0.0, 0.0, 0.1)), STEADY).tier("smoke")
    assert result.verdict == "regressed"
    (finding,) = result.findings
    assert (finding.what, finding.luck is not None and finding.luck < 0.001) == ("score", True)
    assert "seeds alone would do that with" in finding.words


def test_smoke_says_where_it_could_find_nothing(course: Any) -> None:
    result = course(Told((0.0, 0.0, 0.0)), WILD).tier("smoke")
    assert result.verdict == "skipped"
    assert "lock it with more seeds" in result.reason


def test_a_lock_with_one_seed_knows_no_spread(course: Any) -> None:
    result = course(Told((1.2, 2.0, 3.0)), STEADY[:1], confirmed=False).tier("smoke")
    assert result.verdict == "passed"
    assert "1 locked seed of the search, which chose by them" in result.reason
    assert "one seed tells no spread" in result.reason
    trainer = Told((0.1, 2.0, 3.0))
    full = course(trainer, STEADY[:1], seeds=1).tier("full")
    assert full.verdict == "undecided"
    assert "is not known: 1 locked seed tells no spread" in trainer.notes[0]


@pytest.mark.parametrize(
    ("scores", "verdict"),
    [((0.1, 2.0, 3.1), "passed"), ((0.1, 1.0, 1.5), "regressed"), ((0.1, 2.0, 2.75), "undecided")],
)
def test_full_is_sure_or_says_that_it_is_not(course: Any, scores: tuple[float, ...], verdict: str) -> None:
    trainer = Told(scores, by=0.05)
    result: TierResult = course(trainer, STEADY).tier("full")
    assert result.verdict == verdict
    assert trainer.seeds == [3, 4, 5]
    assert result.detectable is not None
    assert f"a drop of {result.detectable:.3g} or more is found with 80%" in trainer.notes[0]
    words = result.findings[0].words if verdict == "regressed" else result.reason
    assert "over 3 locked seeds; a drop of more than 0.3" in words
    assert ("cannot tell" in words) == (verdict == "undecided")


def test_a_training_that_fails_is_a_regression(course: Any) -> None:
    failure = Failure(gate="train", kind="not_finite", message="its total is NaN")
    for tier in ("smoke", "full"):
        result = course(Told((0.1, 2.0, 3.0), failure=failure), STEADY).tier(tier)
        assert (result.verdict, result.findings[0].what) == ("regressed", "training")
        assert "its total is NaN" in result.findings[0].words


def test_a_lock_of_an_earlier_version_has_nothing_to_compare_with(bench: Any, course: Any) -> None:
    earlier = course(Told(()), STEADY)
    kept = replace(earlier.kept, lock=bench.kept.lock.model_copy(update={"trained": None}))
    assert replace(earlier, kept=kept).tier("full").verdict == "skipped"


def test_a_worker_that_is_lost_again_and_again_is_no_regression(course: Any, tmp_path: Path) -> None:
    dies = (sys.executable, "-c", "raise SystemExit('out of luck')")
    executor = LocalExecutor(2, load_sandbox("process", find_folders()), worker=dies)
    with pytest.raises(WorkerFailed, match="out of luck"):
        course(Trainer(executor, tmp_path, lambda _: None), STEADY, seeds=1).tier("full")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s3-0", "s3-1", "s3-2"]


def command(bench: Any, tmp_path: Path, *arguments: str) -> list[str]:
    reward = tmp_path / "rewards" / "hop.py"
    kept = bench.workshop.keeper.keep(bench.run)
    write_kept(reward, kept.source, kept.lock, kept.recorded)
    where = ["--runs-dir", str(bench.workshop.settings.runs)]
    return [sys.executable, "-m", "rewardsmith", "check", str(reward), *arguments, *where]


def test_the_command_trains_and_tells(bench: Any, tmp_path: Path) -> None:
    asked = command(bench, tmp_path, "--tier", "full", "--seeds", "1", "--json")
    ended = subprocess.run(asked, capture_output=True, text=True, timeout=500)
    (result,) = json.loads(ended.stdout)
    assert ended.returncode == {"passed": 0, "regressed": 1, "undecided": 4}[result["verdict"]], ended.stderr
    assert [tier["tier"] for tier in result["tiers"]] == ["full"]
    assert "full: 1 training of 1k steps at most" in ended.stderr
    assert result["tiers"][0]["drop"] is not None


@pytest.mark.slow
def test_an_interrupted_check_leaves_no_process(bench: Any, tmp_path: Path) -> None:
    asked = command(bench, tmp_path, "--tier", "full", "--seeds", "4")
    with subprocess.Popen(asked, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        assert "full: 4 trainings" in running.stderr.readline()
        assert "score" in running.stderr.readline()
        running.send_signal(signal.SIGINT)
        assert running.wait(500) == 130
    folders = [job.parent for job in (bench.workshop.settings.runs / "checks").rglob("job.json")]
    assert folders
    assert not any(isinstance(bench.workshop.executor.poll(folder), Running) for folder in folders)
