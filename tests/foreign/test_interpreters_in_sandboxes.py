"""A worker in a sandbox starts a simulator in another interpreter, which lies in the sandbox too."""

from __future__ import annotations

import json
import sys
import venv
from pathlib import Path

import pytest
from foreign_cart import make_task

from rewardsmith.domain.job import SurveyJob
from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.domain.survey import Survey
from rewardsmith.errors import UsageError
from rewardsmith.sandboxes.profile import foreign
from rewardsmith.sandboxes.registry import open_sandbox


@pytest.mark.isolation
@pytest.mark.parametrize("kind", ["bubblewrap", pytest.param("process", marks=pytest.mark.slow)])
def test_a_survey_through_a_sandbox(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    for each in (tmp_path, folder):
        each.chmod(0o755)
    (folder / "job.json").write_text(SurveyJob(task=make_task(), episodes=2, max_steps=24).model_dump_json())
    spec = SandboxSpec(name="mine", kind=kind, interpreters={"own": sys.executable})
    ended = open_sandbox(spec).run(folder)
    assert ended.exit_code == 0, (folder / "log.txt").read_text()
    assert Survey.model_validate_json((folder / "out" / "survey.json").read_text()).signal("gap").reader == "info:gap"


@pytest.mark.slow
def test_a_sandbox_without_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text(SurveyJob(task=make_task(), episodes=2, max_steps=24).model_dump_json())
    assert open_sandbox(SandboxSpec(name="mine", kind="process")).run(tmp_path).exit_code == 4
    told = json.loads((tmp_path / "out" / "error.json").read_text())
    assert "runs in the interpreter 'own', which the sandbox does not name" in told["message"]


@pytest.mark.parametrize("kind", ["bubblewrap", "process"])
def test_an_interpreter_that_is_not_there(kind: str) -> None:
    spec = SandboxSpec(name="mine", kind=kind, interpreters={"isaac": "/nowhere/bin/python"})
    with pytest.raises(UsageError, match="names the interpreter 'isaac', but /nowhere/bin/python is no program"):
        open_sandbox(spec)


def test_a_virtual_environment_comes_with_its_base(tmp_path: Path) -> None:
    venv.create(tmp_path / "far", symlinks=True)
    places = foreign([str(tmp_path / "far" / "bin" / "python")])
    home = Path(sys.base_prefix).resolve()
    assert tmp_path / "far" in places
    assert any(home.is_relative_to(place) for place in places)
