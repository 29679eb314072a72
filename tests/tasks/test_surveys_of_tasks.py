"""Every shipped task against its real environment."""

from pathlib import Path

import numpy as np
import pytest

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.scaffold import new_task
from rewardsmith.catalogue.tasks import list_tasks, load_task
from rewardsmith.domain.job import SurveyJob
from rewardsmith.domain.survey import Survey
from rewardsmith.domain.task import Task
from rewardsmith.reward.process import RewardProcess
from rewardsmith.reward.source import analyse_score
from rewardsmith.worker.survey import run
from tests.shipped import runnable

FOLDERS = find_folders(here=Path(__file__).resolve().parents[2])
EVERYDAY = ("ant_spin", "cartpole", "fetch_push", "pendulum")
SUMS = sorted(set(list_tasks(FOLDERS)) - {"mountain_car_continuous"})
"""Tasks whose score is the sum of the sparse reward over the horizon."""


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MuJoCo writes its log into the working directory."""
    monkeypatch.chdir(tmp_path)


def survey(task: Task, out: Path) -> tuple[Survey, dict[str, np.ndarray]]:
    run(SurveyJob(task=task, episodes=4, max_steps=2048), out)
    found = Survey.model_validate_json((out / "survey.json").read_text())
    with np.load(out / "probe.npz", allow_pickle=False) as probe:
        return found, dict(probe)


@pytest.mark.parametrize("name", runnable(FOLDERS, everyday=EVERYDAY))
def test_a_shipped_task_fits_its_environment(name: str, tmp_path: Path) -> None:
    task = load_task(name, FOLDERS)
    found, probe = survey(task, tmp_path)
    scores = [episode.score for episode in found.episodes]
    print(f"{name}: random score {found.random_score():.4f} {task.score.unit}")
    assert np.isfinite(scores).all()
    rule = analyse_score(task.score.source, found.names())
    assert set(rule.signals) <= set(found.names())
    assert all((episode.success is not None) == rule.success for episode in found.episodes)
    assert found.sparse_kind == "rule"
    assert set(task.signals) <= set(found.names())
    assert task.score.target is None or found.random_score() < task.score.target

    signals = {signal.name: signal for signal in found.signals}
    with RewardProcess(task.score.source, signals, function="sparse") as process:
        arrays = {signal: probe[signal][:, None] for signal in process.reads}
        answer = process.ask(arrays, probe["__starts__"][:, None])
    assert list(answer.components) != []
    if name in SUMS:
        firsts = np.flatnonzero(probe["__starts__"])
        sums = np.add.reduceat(answer.total[:, 0], firsts) / task.environment.horizon
        np.testing.assert_allclose(sums, scores, atol=1e-9)


def test_a_new_task_fits_its_environment_as_it_stands(tmp_path: Path) -> None:
    new_task(tmp_path / "mine", "CartPole-v1")
    found, _ = survey(load_task(tmp_path / "mine", FOLDERS), tmp_path / "out")
    assert all(episode.score == episode.length / 1000 for episode in found.episodes)
    assert found.sparse_kind == "terminal"
