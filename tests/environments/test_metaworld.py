"""Meta-World's tasks in an interpreter of their own, which this makes: `pip install metaworld==3.1.1 packaging`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.tasks import list_tasks, load_task
from rewardsmith.domain.job import SurveyJob
from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.domain.survey import Survey
from rewardsmith.reward.source import analyse_score
from rewardsmith.sandboxes.registry import open_sandbox

FOLDERS = find_folders(here=Path(__file__).resolve().parents[2])
NAMES = [name for name in list_tasks(FOLDERS) if name.startswith("metaworld_")]
PACKAGES = ("metaworld==3.1.1", "packaging")

pytestmark = [pytest.mark.slow, pytest.mark.isolation]


@pytest.fixture(scope="session")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> str:
    place = tmp_path_factory.mktemp("metaworld") / "far"
    for command in ([sys.executable, "-m", "venv", place], [place / "bin" / "pip", "install", "-q", *PACKAGES]):
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no interpreter with Meta-World: {done.stderr[-300:]}")
    return str(place / "bin" / "python")


@pytest.mark.parametrize("name", NAMES)
def test_a_task_fits_its_environment(name: str, interpreter: str, tmp_path: Path) -> None:
    task = load_task(name, FOLDERS)
    tmp_path.chmod(0o755)
    job = SurveyJob(task=task, episodes=2, max_steps=1000)
    (tmp_path / "job.json").write_text(job.model_dump_json())
    spec = SandboxSpec(name="mine", kind="process", interpreters={"metaworld": interpreter})
    ended = open_sandbox(spec).run(tmp_path)
    assert ended.exit_code == 0, (tmp_path / "log.txt").read_text()
    survey = Survey.model_validate_json((tmp_path / "out" / "survey.json").read_text())
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
