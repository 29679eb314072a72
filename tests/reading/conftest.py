from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.recipes import load_recipe, recipe_files
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.job import Job, RewardSpec, SurveyJob, TrainJob
from rewardsmith.domain.plan import RunSpec
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.domain.task import Budget, Task
from rewardsmith.search.surveying import load_survey
from rewardsmith.search.training import train_job

SOURCE = """import numpy as np


def compute_reward(hinge_angle, terminated):
    upright = np.exp(-np.square(hinge_angle) / 0.1)
    alive = np.where(terminated, 0.0, 1.0)
    return upright + alive, {"upright": upright, "alive": alive}
"""


@dataclass(frozen=True)
class Real:
    """What real workers left of one survey and one training, and everything that a run of them needs."""

    folder: Path
    """`survey/` and `train/`, each with `out/`, `result.json` and `log.txt`."""
    task: Task
    survey: Survey
    probe: Probe
    recipe: Recipe
    spec: RunSpec
    candidate: Candidate
    reward: RewardSpec
    job: TrainJob


def _work(folder: Path, job: Job) -> None:
    """Run the worker as a runner does."""
    folder.mkdir()
    (folder / "job.json").write_text(job.model_dump_json())
    command = [sys.executable, "-m", "rewardsmith.worker", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "log.txt").write_text(done.stdout)
    (folder / "result.json").write_text(json.dumps({"exit_code": 0, "timed_out": False}))


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Real:
    """Made once: the tests damage copies of it."""
    folder = tmp_path_factory.mktemp("real")
    folders = find_folders(here=folder)
    task = load_task("inverted_pendulum", folders)
    trainer = task.trainer.model_copy(
        update={"environments": 2, "settings": {"n_steps": 32, "batch_size": 32, "policy_kwargs": {"net_arch": [8]}}}
    )
    budget = Budget(steps=128, rungs=2, episodes=3, confirm_seeds=1, leaders=1)
    task = task.model_copy(update={"trainer": trainer, "budgets": {"tiny": budget}})
    _work(folder / "survey", SurveyJob(task=task, episodes=4, max_steps=64))
    survey, probe = load_survey(folder / "survey", task)
    reward = RewardSpec(kind="candidate", reward_id="0123456789ab", source=SOURCE)
    job = train_job(task, survey, reward, budget, seed=0).model_copy(update={"tensorboard": False})
    _work(folder / "train", job)
    spec = RunSpec(
        run="hostile", task=task, budget_name="tiny", budget=budget, recipe="smith",
        recipe_files=recipe_files("smith", folders), model="offline", iterations=2, k=1, workers=1, baselines=(),
    )  # fmt: skip
    candidate = Candidate(
        generation=1, slot=0, origin="proposed", source=SOURCE, reward_id=reward.reward_id,
        signals=("hinge_angle", "terminated"), components=("upright", "alive"),
    )  # fmt: skip
    return Real(folder, task, survey, probe, load_recipe("smith", folders), spec, candidate, reward, job)
