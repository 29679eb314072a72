"""Meta-World's tasks in an interpreter of their own, which this makes: `pip install metaworld==3.1.1 packaging`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.tasks import list_tasks, load_task
from rewardsmith.domain.job import SurveyJob
from rewardsmith.domain.survey import Survey
from rewardsmith.reward.source import analyse_score

FOLDERS = find_folders(here=Path(__file__).resolve().parents[2])
NAMES = [name for name in list_tasks(FOLDERS) if name.startswith("metaworld_")]

pytestmark = [pytest.mark.slow, pytest.mark.isolation]


@pytest.fixture(scope="session")
def interpreter(install: Callable[..., str]) -> str:
    return install("metaworld", "metaworld==3.1.1", "packaging")


@pytest.mark.parametrize("name", NAMES)
def test_a_task_fits_its_environment(
    name: str, interpreter: str, make_survey: Callable[[SurveyJob, str], Survey], tmp_path: Path
) -> None:
    task = load_task(name, FOLDERS)
    survey = make_survey(SurveyJob(task=task, episodes=2, max_steps=1000), interpreter)
    assert not {"success", "near_object", "grasp_success", "obj_to_target"} & set(survey.names())
    rule = analyse_score(task.score.source, survey.names())
    assert set(rule.signals) == {"object_position", "goal_position"}
    assert np.isfinite([episode.score for episode in survey.episodes]).all()
    with np.load(tmp_path / "out" / "probe.npz", allow_pickle=False) as probe:
        first = probe["object_position"][probe["__starts__"]]
    assert len(np.unique(first, axis=0)) == len(survey.episodes), "objects are placed anew"
    assert all(episode.success is not None for episode in survey.episodes)
    assert "def reset_model(self):" in survey.view
    assert "reward" not in survey.view.partition("\n")[2].replace("reward_function_version", "")
