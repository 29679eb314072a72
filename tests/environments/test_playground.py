"""Tasks of MuJoCo Playground in an interpreter of their own: that of REWARDSMITH_PLAYGROUND, or one that this makes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.domain.job import SurveyJob
from rewardsmith.domain.survey import Survey
from rewardsmith.reward.source import analyse_score
from rewardsmith.sandboxes.sandbox import Outcome

FOLDERS = find_folders(here=Path(__file__).resolve().parents[2])
SIGNALS = {
    "playground_cartpole_balance": {"pole_1_up", "slider_displacement"},
    "playground_reacher_easy": {"to_target"},
    "playground_cheetah_run": {"torso_subtreelinvel_reading"},
    "playground_walker_walk": {"torso_subtreelinvel_reading", "torso_position"},
    "playground_hopper_hop": {"torso_subtreelinvel_reading", "torso_position", "foot_position"},
}

pytestmark = [pytest.mark.slow, pytest.mark.isolation]


@pytest.fixture(scope="session")
def interpreter(install: Callable[..., str]) -> str:
    return os.environ.get("REWARDSMITH_PLAYGROUND") or install("playground", "playground==0.2.0", "gymnasium")


@pytest.mark.parametrize("name", SIGNALS)
def test_a_task_fits_its_environment(
    name: str, interpreter: str, make_survey: Callable[[SurveyJob, str], Survey], tmp_path: Path
) -> None:
    task = load_task(name, FOLDERS)
    survey = make_survey(SurveyJob(task=task, episodes=2, max_steps=2000), interpreter)
    assert set(analyse_score(task.score.source, survey.names()).signals) == SIGNALS[name]
    assert np.isfinite([episode.score for episode in survey.episodes]).all()
    assert "def step(" in survey.view
    assert "reward" not in survey.view.partition("\n")[2]
    with np.load(tmp_path / "out" / "probe.npz", allow_pickle=False) as probe:
        first = probe["observation"][probe["__starts__"]]
        assert all(np.isfinite(probe[signal]).all() for signal in survey.names())
    assert len(np.unique(first, axis=0)) == len(survey.episodes), "every episode starts elsewhere"


def test_a_robot_that_was_never_fetched(
    interpreter: str, try_survey: Callable[[SurveyJob, str], Outcome], tmp_path: Path
) -> None:
    job = SurveyJob(task=load_task("playground_panda_pick_cube", FOLDERS), episodes=1, max_steps=1)
    if try_survey(job, interpreter).exit_code == 0:
        pytest.skip("its robots are there")
    assert "the robot of PandaPickCube is not there" in (tmp_path / "log.txt").read_text()
