from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from rewardsmith.catalogue.tasks import load_task
from rewardsmith.domain.job import SurveyJob
from rewardsmith.domain.prompt import Context
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.prompting.messages import compose, estimate_tokens

MOST_TOKENS = 8000
"""A prompt beyond this would not fit small local models."""


def surveyed(name, folders, folder):
    task = load_task(name, folders)
    (folder / "out").mkdir()
    (folder / "job.json").write_text(SurveyJob(task=task, episodes=2, max_steps=400).model_dump_json())
    command = [sys.executable, "-m", "rewardsmith.worker", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    survey = Survey.model_validate_json((folder / "out" / "survey.json").read_text())
    return Context(task, survey, Probe({}, np.ones(1, bool)), (), (), seed=0, k=4)


@pytest.mark.parametrize(
    "name",
    [
        "inverted_pendulum",
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("ant", "humanoid", "pusher", "cartpole", "pendulum")),
    ],
)
def test_both_recipes_render_a_real_survey(name, folders, eureka, smith, tmp_path):
    context = surveyed(name, folders, tmp_path)
    for recipe in (eureka, smith):
        messages = compose(recipe, context)
        user = messages[1].content
        assert context.survey.view.strip() in user
        for signal in context.survey.signals:
            assert signal.name in user
            assert signal.unit in user
        assert 500 < estimate_tokens(messages) < MOST_TOKENS
        assert "nan" not in user.split("Signals that")[1]
