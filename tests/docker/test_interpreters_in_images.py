"""A worker in a container starts a simulator in another interpreter of its image; GPUs are asked for by their names."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from rewardsmith.domain.job import SurveyJob
from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.domain.survey import Survey
from rewardsmith.errors import IsolationUnavailable
from rewardsmith.sandboxes.registry import open_sandbox

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "foreign"))

from foreign_cart import make_task

PYTHON = "/opt/worker/bin/python3"
"""The image's own; another one of it is started the same way."""


def survey(folder: Path, **interpreters: str) -> int:
    folder.mkdir()
    (folder / "job.json").write_text(SurveyJob(task=make_task(), episodes=2, max_steps=24).model_dump_json())
    return open_sandbox(SandboxSpec(name="docker", kind="docker", interpreters=interpreters)).run(folder).exit_code


@pytest.mark.usefixtures("worker_image")
def test_a_survey_through_another_interpreter_of_the_image(tmp_path: Path) -> None:
    assert survey(tmp_path / "job", own=PYTHON) == 0, (tmp_path / "job" / "log.txt").read_text()
    found = Survey.model_validate_json((tmp_path / "job" / "out" / "survey.json").read_text())
    assert found.signal("gap").reader == "info:gap"


@pytest.mark.usefixtures("worker_image")
def test_an_interpreter_that_the_image_lacks(tmp_path: Path) -> None:
    assert survey(tmp_path / "job", own="/opt/isaac/bin/python") == 4
    told = json.loads((tmp_path / "job" / "out" / "error.json").read_text())
    assert "the interpreter 'own' (/opt/isaac/bin/python) cannot be started: No such file" in told["message"]


@pytest.mark.usefixtures("worker_image")
@pytest.mark.parametrize("named", ["", "1"])
def test_an_engine_without_gpus_says_so(monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    """The toolkit answers such a request; where there is none the engine does not know what to do with it."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    with pytest.raises(IsolationUnavailable) as caught:
        open_sandbox(SandboxSpec(name="docker", kind="docker", gpus=1)).check()
    assert "NVIDIA" in f"{caught.value.message} {caught.value.hint}"
