"""What a job's worker is given beyond what every worker has."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

import pytest

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.domain.job import FilmJob, RewardSpec, StepJob, SurveyJob, TrainJob
from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.domain.task import Task
from rewardsmith.executors.fitting import for_job
from rewardsmith.executors.kernels import VARIABLE, with_kernels
from rewardsmith.sandboxes.identity import BASE, can_give_users

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


@pytest.mark.skipif(not can_give_users(), reason="workers are users of their own where root starts them")
def test_two_users_may_compile_the_same_kernel_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    build = pytest.importorskip("warp._src.build", reason="needs the extra `warp`")
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        monkeypatch.setenv("REWARDSMITH_KERNELS", str(Path(made) / "kernels"))
        monkeypatch.setenv(VARIABLE, "unset afterwards")
        (mount,) = with_kernels(for_job(PLAIN, training(task("ant").on("warp", "cpu")))).mounts
        for user in (1, 2):
            if (child := os.fork()) == 0:
                code = 1
                with contextlib.suppress(BaseException):
                    os.setresuid(BASE + user, BASE + user, BASE + user)
                    mine = Path(mount.source, f"of-{user}")
                    mine.mkdir()
                    (mine / "kernel.o").touch()
                    build.safe_rename(mine, Path(mount.source, "kernel"))
                    code = 0
                os._exit(code)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, user


def test_kernels_are_kept_by_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REWARDSMITH_KERNELS", str(tmp_path / "kernels"))
    monkeypatch.setenv(VARIABLE, "unset afterwards")
    ant = task("ant").on("warp", "cpu")
    mine = ant.model_copy(update={"module_source": "x = 1"})
    ours, theirs = (with_kernels(for_job(PLAIN, training(each))) for each in (ant, mine))
    (mount,), (other,) = ours.mounts, theirs.mounts
    assert mount.writable
    assert mount.source != other.source == os.environ[VARIABLE]
    assert Path(mount.source).stat().st_mode & 0o1777 == 0o777
    assert with_kernels(for_job(PLAIN, training(task("ant")))) == PLAIN
    for job in (SurveyJob(task=task("playground_cheetah_run")), training(task("playground_cheetah_run"))):
        assert for_job(PLAIN, job).kernels == for_job(PLAIN, training(task("ant").on("warp"))).kernels, job.kind
