"""What a job's worker is given beyond what every worker has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.domain.job import FilmJob, RewardSpec, StepJob, SurveyJob, TrainJob
from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.domain.task import Task
from rewardsmith.executors.fitting import for_job
from rewardsmith.executors.kernels import VARIABLE, with_kernels

PLAIN = SandboxSpec(name="bubblewrap", kind="bubblewrap")


def task(name: str) -> Task:
    return load_task(name, find_folders())


def training(of: Task) -> TrainJob:
    reward = RewardSpec(kind="human", reward_id="human")
    return TrainJob(task=of, signals=(), seed=0, steps=1, rungs=1, episodes=1, reward=reward)


def test_what_trains_on_a_gpu_is_shown_it_and_nothing_else_is() -> None:
    ant = task("ant")
    assert for_job(PLAIN, training(ant.on("warp"))).gpu
    for job in (training(ant), training(ant.on("warp", "cpu")), SurveyJob(task=ant.on("warp")),
                FilmJob(train=training(ant.on("warp")))):  # fmt: skip
        assert not for_job(PLAIN, job).gpu, job.kind


def test_isaac_is_shown_it_whatever_it_does() -> None:
    isaac = task("isaac_lab_cartpole")
    for job in (
        SurveyJob(task=task("playground_cheetah_run")),
        training(isaac),
        SurveyJob(task=isaac),
        StepJob(task=isaac, signals=(), states=()),
    ):
        assert for_job(PLAIN, job).gpu, job.kind


def test_kernels_are_kept_by_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REWARDSMITH_KERNELS", str(tmp_path / "kernels"))
    monkeypatch.setenv(VARIABLE, "unset afterwards")
    ant = task("ant").on("warp", "cpu")
    mine = ant.model_copy(update={"module_source": "x = 1"})
    ours, theirs = (with_kernels(for_job(PLAIN, training(each))) for each in (ant, mine))
    (mount,), (other,) = ours.mounts, theirs.mounts
    assert mount.writable
    assert mount.source != other.source == os.environ[VARIABLE]
    assert Path(mount.source).stat().st_mode & 0o1777 == 0o1777
    assert with_kernels(for_job(PLAIN, training(task("ant")))) == PLAIN
    for job in (SurveyJob(task=task("playground_cheetah_run")), training(task("playground_cheetah_run"))):
        assert for_job(PLAIN, job).kernels == for_job(PLAIN, training(task("ant").on("warp"))).kernels, job.kind
