"""The worker as what starts it sees it: a folder, an exit code, a log."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rewardsmith.domain.job import Job, Progress, SurveyJob, TrainJob
from rewardsmith.domain.report import Report
from rewardsmith.worker.__main__ import main

from .conftest import make_job, make_task

COMMAND = [sys.executable, "-m", "rewardsmith.worker"]


def start(folder: Path, job: TrainJob, **options: object) -> subprocess.Popen[bytes]:
    folder.mkdir()
    (folder / "job.json").write_text(job.model_dump_json())
    return subprocess.Popen(
        [*COMMAND, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        **options,  # type: ignore[call-overload]
    )


def test_a_job_in_and_files_out(tmp_path: Path) -> None:
    process = start(tmp_path / "job", make_job(steps=256, rungs=1))
    log, _ = process.communicate(timeout=500)
    assert process.returncode == 0, log.decode()
    assert b"rung 1/1: 256 steps" in log
    report = Report.model_validate_json((tmp_path / "job" / "out" / "report.json").read_text())
    assert report.failure is None
    assert report.score is not None
    assert Progress.model_validate_json((tmp_path / "job" / "out" / "progress.json").read_text()).steps == 256
    assert not list((tmp_path / "job").rglob("*.part"))


@pytest.mark.parametrize(
    ("job", "code", "said"),
    [
        (SurveyJob(task=make_task()), 0, ""),
        (
            make_job(steps=128, rungs=1),
            3,
            "torch is not installed for workers here (pip",
        ),
    ],
)
def test_where_torch_is_not_installed_a_survey_is_made_and_a_training_names_it(
    job: Job, code: int, said: str, tmp_path: Path
) -> None:
    (tmp_path / "job.json").write_text(job.model_dump_json())
    without = "import sys; sys.modules['torch'] = None; from rewardsmith.worker.__main__ import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", without, tmp_path], capture_output=True, text=True, timeout=500)
    assert done.returncode == code, done.stderr
    assert said in done.stdout


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Callable[[str], int]]:
    """Run the worker in this process; gives the exit code. What it does with SIGTERM is undone."""
    before = signal.getsignal(signal.SIGTERM)

    def run(job: str) -> int:
        (tmp_path / "job.json").write_text(job)
        return main([str(tmp_path)])

    yield run
    signal.signal(signal.SIGTERM, before)


def test_a_failed_candidate_is_data(here: Callable[[str], int], tmp_path: Path) -> None:
    source = "def compute_reward(observation):\n    return observation[:, 0] / 0.0, {}\n"
    assert here(make_job(source=source).model_dump_json()) == 0
    report = Report.model_validate_json((tmp_path / "out" / "report.json").read_text())
    assert report.failure is not None
    assert report.failure.gate == "train"


@pytest.mark.parametrize(
    ("job", "kind", "said"),
    [
        (make_job(make_task(score="def score(observation):\n    return float('nan')\n")), "ScoreRuleError", "finite"),
        (make_job(make_task(trainer={"algorithm": "stable_baselines3.PP"})), "TaskError", "PPO"),
    ],
)
def test_a_wrong_task_is_told_in_error_json(
    job: TrainJob, kind: str, said: str, here: Callable[[str], int], tmp_path: Path
) -> None:
    assert here(job.model_dump_json()) == 4
    error = json.loads((tmp_path / "out" / "error.json").read_text())
    assert error["type"] == kind
    assert said in error["message"]
    assert set(error) == {"type", "message", "hint"}
    assert not (tmp_path / "out" / "report.json").exists()


def test_no_room_for_files_is_the_machine_and_the_last_line_says_so(tmp_path: Path) -> None:
    # Python ignores SIGXFSZ: a write past the limit fails as one to a full disk does
    process = start(
        tmp_path / "job",
        make_job(steps=256, rungs=1),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
    )
    log, _ = process.communicate(timeout=500)
    assert process.returncode == 3
    assert log.decode().strip().splitlines()[-1].startswith("cannot write")


def test_told_to_end_it_ends_with_all_it_started(tmp_path: Path) -> None:
    process = start(tmp_path / "job", make_job(steps=10_000_000, rungs=1), start_new_session=True)
    progress = tmp_path / "job" / "out" / "progress.json"
    try:
        assert process.stdout is not None
        while not progress.exists():
            assert process.poll() is None
        children = (Path("/proc") / str(process.pid) / "task" / str(process.pid) / "children").read_text().split()
        assert children
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=500) == 143
    finally:
        process.kill()
        process.communicate()
    assert not [child for child in children if Path("/proc", child).exists()]
    assert progress.exists()


def test_a_job_that_is_none(here: Callable[[str], int], capsys: pytest.CaptureFixture[str]) -> None:
    assert here('{"kind": "train"}') == 3
    assert "job.json cannot be read" in capsys.readouterr().out
