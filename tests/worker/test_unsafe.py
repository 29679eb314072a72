"""A machine without Landlock: nothing runs there unless the user says so, and then everything does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rewardsmith.domain.job import Job, RewardLimits, SurveyJob
from rewardsmith.domain.report import Report
from rewardsmith.domain.survey import Survey

from .conftest import make_job, make_task

WITHOUT_LANDLOCK = """
import ctypes, errno, struct, sys
from rewardsmith.isolation import lockdown

steps = [(0x20, 0, 0, 0), (0x15, 0, 1, 444), (0x06, 0, 0, 0x50000 | errno.ENOSYS), (0x06, 0, 0, lockdown.ALLOW)]
buffer = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
header = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(buffer)))
lockdown._prctl(lockdown.PR_SET_NO_NEW_PRIVS, 1)
number = ctypes.c_long(lockdown.SYS_SECCOMP[lockdown.machine()])
assert lockdown._syscall(number, ctypes.c_uint(1), ctypes.c_uint(0), header) == 0

from rewardsmith.worker.__main__ import main

sys.exit(main(sys.argv[1:]))
"""


def work(job: Job, folder: Path) -> tuple[int, str, Path]:
    folder.mkdir()
    (folder / "job.json").write_text(job.model_dump_json())
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_LANDLOCK, str(folder)], capture_output=True, text=True, timeout=500, check=False
    )
    return done.returncode, done.stdout + done.stderr, folder / "out"


@pytest.mark.parametrize("unsafe", [False, True])
def test_a_survey_runs_without_landlock_only_where_the_user_says_so(unsafe: bool, tmp_path: Path) -> None:
    job = SurveyJob(task=make_task(), episodes=2, max_steps=100, limits=RewardLimits(unsafe=unsafe))
    code, said, out = work(job, tmp_path / "job")
    assert code == (0 if unsafe else 3), said
    if unsafe:
        Survey.model_validate_json((out / "survey.json").read_bytes())
    else:
        assert "IsolationUnavailable" in said
        assert "docker" not in said


@pytest.mark.parametrize("kind", ["candidate", "sparse"])
def test_a_training_runs_without_landlock_where_the_user_says_so(kind: str, tmp_path: Path) -> None:
    rule = """
def score(observation):
    return float(observation[:, 0].sum())


def sparse(observation):
    return observation[:, 0], {"height": observation[:, 0]}
"""
    job = make_job(make_task(score=rule), kind=kind, steps=128, rungs=1, limits=RewardLimits(unsafe=True))
    code, said, out = work(job, tmp_path / "job")
    assert code == 0, said
    assert Report.model_validate_json((out / "report.json").read_bytes()).failure is None
