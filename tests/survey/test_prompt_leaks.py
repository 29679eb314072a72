"""Nothing of the stock reward reaches any prompt: renaming and renumbering it leaves every prompt as it was."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from stock_rewards import changed, class_name

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.recipes import load_recipe
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.job import SurveyJob
from rewardsmith.domain.prompt import Context, Turn
from rewardsmith.domain.report import ComponentPoint, ComponentStatistics, Failure, Report, Rung
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.prompting.messages import compose, compose_repair
from rewardsmith.worker.survey import run
from tests.shipped import plain

FOLDERS = find_folders(here=Path(__file__).parent)
EVERYDAY = {"ant", "inverted_pendulum", "cartpole"}


def _survey(name: str, out: Path) -> Survey:
    out.mkdir()
    run(SurveyJob(task=load_task(name, FOLDERS), episodes=2, max_steps=300), out)
    return Survey.model_validate_json((out / "survey.json").read_bytes())


def _told(survey: Survey) -> Turn:
    """A trained candidate, so that feedback and history are rendered too."""
    candidate = Candidate(generation=1, slot=0, origin="proposed", source="def compute_reward(action): ...\n")
    point = ComponentPoint(steps=100, mean=1, std=0.1, low=0, high=2, share=1)
    component = ComponentStatistics(name="total", points=(point,))
    score = survey.random_score()
    rung = Rung(steps=100, scores=(score,), mean=score, lengths=(5,))
    report = Report(
        reward_id="r",
        seed=0,
        steps=100,
        wall_s=1,
        steps_per_second=1,
        rungs=(rung,),
        best_rung=0,
        components=(component,),
    )
    return Turn(candidate=candidate, report=report)


def _prompts(name: str, survey: Survey) -> list[str]:
    turn = _told(survey)
    probe = Probe({}, np.ones(1, bool))
    first = Context(load_task(name, FOLDERS), survey, probe, (), (), seed=0, k=4)
    later = dataclasses.replace(first, history=(turn,), parents=(turn,))
    failure = Failure(gate="contract", kind="unknown_signal", message="no such signal")
    broken = dataclasses.replace(later, rejected=("def compute_reward(x): ...", failure))
    texts = []
    for recipe in (load_recipe("eureka", FOLDERS), load_recipe("smith", FOLDERS)):
        for messages in (compose(recipe, first), compose(recipe, later), compose_repair(recipe, broken)):
            texts.append("\n".join(f"{message.role}: {message.content}" for message in messages))
    return texts


@pytest.mark.parametrize(
    "name", [n if n in EVERYDAY else pytest.param(n, marks=pytest.mark.slow) for n in plain(FOLDERS)]
)
def test_prompts_stay_the_same_to_the_byte(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = _prompts(name, _survey(name, tmp_path / "before"))
    env_id = load_task(name, FOLDERS).environment.id
    other = getattr(changed(env_id, "both"), class_name(env_id))
    spec = dataclasses.replace(gymnasium.spec(env_id), entry_point=other)
    monkeypatch.setitem(gymnasium.registry, env_id, spec)
    after = _prompts(name, _survey(name, tmp_path / "after"))
    assert after == before
    assert all(len(text) > 500 for text in before), "a prompt without content proves nothing"
