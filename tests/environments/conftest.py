"""Interpreters of simulators that need one of their own, and the surveys that they make."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rewardsmith.domain.job import SurveyJob
from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.domain.survey import Survey
from rewardsmith.sandboxes.registry import open_sandbox
from rewardsmith.sandboxes.sandbox import Outcome


@pytest.fixture(scope="session")
def install(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Make an interpreter that holds packages, or skip the test where they cannot be had."""

    def made(name: str, *packages: str) -> str:
        place = tmp_path_factory.mktemp(name) / "far"
        for command in ([sys.executable, "-m", "venv", place], [place / "bin" / "pip", "install", "-q", *packages]):
            done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"no interpreter with {packages[0]}: {done.stderr[-300:]}")
        return str(place / "bin" / "python")

    return made


@pytest.fixture
def try_survey(tmp_path: Path) -> Callable[[SurveyJob, str], Outcome]:
    """Run a survey in the interpreter of its task; its files lie in `tmp_path`."""

    def tried(job: SurveyJob, interpreter: str) -> Outcome:
        tmp_path.chmod(0o755)
        (tmp_path / "job.json").write_text(job.model_dump_json())
        name = job.task.environment.foreign
        assert name is not None
        return open_sandbox(SandboxSpec(name="mine", kind="process", interpreters={name: interpreter})).run(tmp_path)

    return tried


@pytest.fixture
def make_survey(try_survey: Callable[[SurveyJob, str], Outcome], tmp_path: Path) -> Callable[[SurveyJob, str], Survey]:
    """The same, for one that must get to its end; what it found."""

    def made(job: SurveyJob, interpreter: str) -> Survey:
        assert try_survey(job, interpreter).exit_code == 0, (tmp_path / "log.txt").read_text()
        return Survey.model_validate_json((tmp_path / "out" / "survey.json").read_text())

    return made
