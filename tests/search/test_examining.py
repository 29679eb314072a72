"""Rewards of a real cart and pole, asked in their locked process what they pay real episodes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.domain.events import Attempt, AttemptEnded, GenerationEnded
from rewardsmith.domain.job import RewardLimits, RewardSpec, SurveyJob, TrainJob
from rewardsmith.domain.report import Report, Rung
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.domain.task import Task
from rewardsmith.errors import StoreError
from rewardsmith.export.signals import SignalReader
from rewardsmith.search.archive import read_archive
from rewardsmith.search.examining import Examiner
from rewardsmith.search.surveying import load_survey
from rewardsmith.store.artifacts import RunFolder
from rewardsmith.worker import survey as survey_room
from rewardsmith.worker import train as train_room
from rewardsmith.worker.archive import Archive
from rewardsmith.worker.backends.gymnasium import make
from rewardsmith.worker.files import write_arrays
from rewardsmith.worker.scoring import ScoredEpisode

HONEST = """
import numpy as np


def compute_reward(pole_angle, terminated, *, angle_temperature=0.1):
    upright = np.exp(-np.square(pole_angle) / angle_temperature)
    alive = np.where(terminated, 0.0, 1.0)
    return upright + alive, {"upright": upright, "alive": alive}
"""
COSTLY = """
import numpy as np


def compute_reward(pole_angle, cart_position):
    time = -1.0 - np.abs(cart_position)
    tilt = -0.01 * np.abs(pole_angle)
    return time + tilt, {"time": time, "tilt": tilt}
"""
BROKEN = """
import numpy as np


def compute_reward(pole_angle):
    return np.log(-1.0 - np.abs(pole_angle)), {}
"""


@dataclass
class Bench:
    """A surveyed task with the archive of a controller that balances."""

    task: Task
    survey: Survey
    probe: Probe
    out: Path

    @property
    def examiner(self) -> Examiner:
        return Examiner(self.survey, self.probe, RewardLimits())


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("cartpole")
    task = load_task("cartpole", find_folders(here=folder))
    survey_room.run(SurveyJob(task=task, episodes=8, max_steps=400), folder / "out")
    survey, probe = load_survey(folder)
    archive = Archive(survey.signals, horizon=500, rungs=2, episodes=3)
    archive.add(0, 100, [balanced(task, survey, seed, steps=20) for seed in range(3)])
    archive.add(1, 200, [balanced(task, survey, seed, steps=120) for seed in range(3)])
    write_arrays(folder / "out" / "archive.npz", archive.dump(), compress=True)
    return Bench(task, survey, probe, folder / "out")


def balanced(task: Task, survey: Survey, seed: int, *, steps: int) -> ScoredEpisode:
    """An episode of a controller by hand, cut after some steps."""
    env = make(task)
    reader = SignalReader(env, {signal.name: signal.reader for signal in survey.signals})
    observation, _ = env.reset(seed=seed)
    rows: list[dict[str, Any]] = []
    for _ in range(steps):
        action = np.int64(observation[2] + 0.3 * observation[3] > 0)
        observation, _, terminated, _, info = env.step(action)
        rows.append(reader.read(observation, action, terminated, info))
        assert not terminated, "it balances"
    arrays = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    return ScoredEpisode(len(rows), False, len(rows) / 500, None, {}, arrays)


def report(**changes: Any) -> Report:
    rung = Rung(steps=100, scores=(0.1, 0.2), mean=0.15, lengths=(50, 100))
    fields: dict[str, Any] = {"reward_id": "r", "seed": 0, "steps": 100, "wall_s": 1, "steps_per_second": 100}
    return Report(**(fields | {"rungs": (rung,), "best_rung": 0} | changes))


def kinds(warnings: tuple[Any, ...]) -> list[str]:
    return [warning.kind for warning in warnings]


def test_a_survey_is_loaded_with_its_extremes(bench: Bench) -> None:
    extremes = bench.probe.extremes
    assert extremes is not None
    lengths = [each.stop - each.start for each in extremes.episodes()]
    assert lengths == [episode.length for episode in bench.survey.extremes]
    assert {episode.policy for episode in bench.survey.extremes} == {"idle", "reckless"}


def test_the_best_archived_rung_is_read(bench: Bench) -> None:
    best = read_archive(bench.out, bench.survey.signals).best()
    assert best.scores == (0.24, 0.24, 0.24)
    assert [each.stop - each.start for each in best.rows.episodes()] == [120, 120, 120]
    assert set(best.rows.arrays) == set(bench.survey.names())
    assert {str(array.dtype) for array in best.rows.arrays.values()} <= {"float32", "bool", "int64"}


def test_an_honest_reward_has_no_warning(bench: Bench) -> None:
    best = bench.examiner.archived(bench.out)
    assert bench.examiner.examine(HONEST, report(), best) == ()


def test_a_reward_that_is_best_escaped_is_named(bench: Bench) -> None:
    warnings = bench.examiner.examine(COSTLY, report(), bench.examiner.archived(bench.out))
    assert kinds(warnings) == ["pays_idle", "pays_reckless"]
    idle = warnings[0].evidence
    scores = [episode.score for episode in bench.survey.extremes if episode.policy == "idle"]
    assert idle["score"] == pytest.approx(np.mean(scores))
    assert idle["best_score"] == pytest.approx(0.24)
    assert idle["paid"] > idle["best_paid"]


def test_the_policy_over_training_is_compared_with_random_actions(bench: Bench) -> None:
    """Random actions score about 0.04 for some -25; an agent that falls at once gets less and pays less."""
    low, paid = (0.016, 0.016, 0.018), (-9.0, -9.1, -9.9)
    fallen = Rung(steps=100, scores=low, mean=sum(low) / 3, lengths=(8, 8, 9), returns=paid)
    assert "score_falls" in kinds(bench.examiner.examine(COSTLY, report(rungs=(fallen,)), None))


def test_without_an_archive_or_an_answer_nothing_is_claimed(bench: Bench) -> None:
    assert bench.examiner.examine(COSTLY, report(), None) == ()
    best = bench.examiner.archived(bench.out)
    assert bench.examiner.examine(BROKEN, report(), best) == ()
    assert bench.examiner.examine(None, report(), best) == (), "a baseline has no source"


@pytest.mark.parametrize("fault", ["missing", "starts", "lengths", "scores", "signal"])
def test_a_damaged_archive_is_no_archive(bench: Bench, tmp_path: Path, fault: str) -> None:
    with np.load(bench.out / "archive.npz", allow_pickle=False) as file:
        arrays = dict(file)
    match fault:
        case "missing":
            del arrays["pole_angle"]
        case "starts":
            arrays["__starts__"][0] = False
        case "lengths":
            arrays["__lengths__"][0] += 1
        case "scores":
            arrays["__scores__"][0] = np.nan
        case "signal":
            arrays["pole_angle"] = arrays["pole_angle"][:-1]
    np.savez(tmp_path / "archive.npz", **arrays)
    with pytest.raises(StoreError):
        read_archive(tmp_path, bench.survey.signals)
    assert bench.examiner.archived(tmp_path) is None


def test_a_generation_is_measured_against_the_best_candidate_so_far(
    bench: Bench, story: Callable[..., Any], tmp_path: Path
) -> None:
    """The hacked reward's own archive knows nothing better; its honest sibling's does."""
    told = story(task=bench.task, budget=bench.task.budgets["quick"])
    folder = RunFolder(tmp_path, "run")
    for slot, (source, score) in enumerate([(HONEST, 0.24), (COSTLY, 0.02)]):
        candidate = told.candidate(1, slot, score)
        told.run.candidates[candidate.id] = candidate.model_copy(update={"source": source})
        attempt = Attempt(purpose="search", subject=candidate.id, seed=told.spec.seed)
        told.tell(AttemptEnded(attempt=attempt, report=told.run.search_report(candidate)))
        out = folder.attempt(attempt) / "out"
        out.mkdir(parents=True)
    best = folder.attempt(Attempt(purpose="search", subject="g1c00", seed=told.spec.seed)) / "out" / "archive.npz"
    best.write_bytes((bench.out / "archive.npz").read_bytes())
    told.candidate(1, 2, None, twin="g1c01")
    warnings = asyncio.run(bench.examiner.generation(told.run, 1, folder))
    assert {name: kinds(found) for name, found in warnings.items()} == {"g1c01": ["pays_idle", "pays_reckless"]}
    told.tell(GenerationEnded(generation=1, best="g1c00", best_overall="g1c00", warnings=warnings))
    warned = {turn.candidate.id: bool(turn.warnings) for turn in told.run.turns()}
    assert warned == {"g1c00": False, "g1c01": True, "g1c02": True}, "a twin shares its twin's warnings"
    assert asyncio.run(bench.examiner.generation(told.run, 2, folder)) == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "expected"), [(HONEST, set()), (COSTLY, {"score_falls", "one_term", "pays_idle", "pays_reckless"})]
)
def test_real_trainings(bench: Bench, tmp_path: Path, source: str, expected: set[str]) -> None:
    """Nothing is told about the rewards: one is learned, and the other's agent learns to let the pole fall."""
    job = TrainJob(
        task=bench.task,
        signals=bench.survey.signals,
        reward=RewardSpec(kind="candidate", reward_id="r", source=source),
        seed=1,
        steps=16_384,
        rungs=2,
        episodes=10,
        tensorboard=False,
    )
    train_room.run(job, tmp_path)
    trained = Report.model_validate_json((tmp_path / "report.json").read_bytes())
    warnings = bench.examiner.examine(source, trained, bench.examiner.archived(bench.out))
    assert set(kinds(warnings)) == expected
