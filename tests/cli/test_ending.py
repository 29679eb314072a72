from __future__ import annotations

import json

import pytest
from told_run import ALONE, beginning, fold, result, whole

from rewardsmith.cli.ending import conclude, ending, telling_so_far
from rewardsmith.domain.events import StatusChanged
from rewardsmith.domain.result import RunResult
from rewardsmith.errors import BelowThreshold, InfrastructureError, Interrupted, ModelUnavailable, RunBusy, UsageError


def test_the_last_page_has_reward_components_score_place_and_next_commands():
    text = ending(fold(whole()), result())
    order = [
        "The best reward, g2c00:",
        "speed_weight=20.0",
        "component",
        "forward",
        "Score (m/s): Mean forward speed. Mean with",
    ]
    order += ["g2c00, confirmed", "3.50 [3.10, 3.90]", "search maximum", "random", "human", "sparse"]
    order += ["beats random", "Run walk-1 is done. It took 9 trainings", "Everything lies in runs/walk-1"]
    order += [
        "rewardsmith show walk-1",
        "rewardsmith export walk-1 -o reward.py",
        "rewardsmith train runs/walk-1/2/g2c00/reward.py",
    ]
    place = 0
    for words in order:
        place = text.find(words, place)
        assert place >= 0, words


def test_commands_name_a_runs_folder_that_is_not_the_usual_one(tmp_path):
    assert f"rewardsmith show walk-1 --runs-dir {tmp_path}" in ending(fold(whole()), result(str(tmp_path / "walk-1")))
    assert "--runs-dir" not in ending(fold(whole()), result())


def test_commands_name_the_task_as_it_was_asked_for():
    run = fold(whole())
    assert "--env walk --seed 100" in ending(run, result())
    run.spec = run.spec.model_copy(update={"env": "tasks/walk"})
    assert "--env tasks/walk --seed 100" in ending(run, result())


def test_the_last_page_warns_of_a_hacked_winner():
    some = result()
    hacked = some.model_copy(update={"best": some.best.model_copy(update={"warnings": (ALONE,)})})
    assert "\nWarning: `alive` is all.\n\nScore" in ending(fold(whole()), hacked)
    assert "Warning" not in ending(fold(whole()), some)


PAUSED = StatusChanged(status="paused", reason="the provider is down")


def test_of_a_paused_run_the_next_thing_is_to_resume_it():
    paused = result().model_copy(update={"status": "paused", "reason": "the provider is down."})
    text = ending(fold(whole()), paused)
    assert "is paused: the provider is down. So far it took" in text
    assert "Next:\n  rewardsmith resume walk-1\n  rewardsmith show walk-1\n" in text
    assert "resume" not in ending(fold(whole()), result())


def test_the_scores_fit_a_terminal_of_80_columns():
    scores = ending(fold(whole()), result()).split("higher is better.\n\n")[1].split("\n\n")[0]
    lines = scores.splitlines()
    assert max(map(len, lines)) <= 80


def test_a_finished_run_raises_nothing(capsys, keep):
    workshop = keep(whole())
    conclude(workshop, workshop.result("walk-1"), as_json=True)
    captured = capsys.readouterr()
    told = RunResult.model_validate_json(captured.out)
    assert (told.status, told.best.candidate, told.best.score.n) == ("done", "g2c00", 2)
    assert captured.err == ""


@pytest.mark.parametrize(
    ("events", "kind"),
    [
        ([*whole()[:-1], PAUSED], InfrastructureError),
        ([*beginning(), StatusChanged(status="failed", reason="no valid candidate")], BelowThreshold),
        ([*beginning(), StatusChanged(status="done")], BelowThreshold),
    ],
    ids=["paused", "failed", "done without a score"],
)
def test_a_run_without_a_proper_end_prints_what_it_has_and_raises(capsys, keep, events, kind):
    workshop = keep(events)
    with pytest.raises(kind) as caught:
        conclude(workshop, workshop.result("walk-1"), as_json=True)
    assert json.loads(capsys.readouterr().out)["status"] == events[-1].status
    assert "walk-1" in caught.value.message
    assert "walk-1" in caught.value.hint


@pytest.mark.parametrize("error", [Interrupted("stopped"), ModelUnavailable("down")])
def test_an_interrupted_run_tells_what_it_has_so_far(capsys, keep, error):
    workshop = keep([*beginning(), PAUSED])
    with pytest.raises(type(error)), telling_so_far(workshop, "walk-1", as_json=False):
        raise error
    assert "Run walk-1 is paused: the provider is down. So far it took 0 trainings" in capsys.readouterr().out


@pytest.mark.parametrize("error", [RunBusy("another process"), UsageError("the name is taken")])
def test_a_run_of_somebody_else_is_not_told(capsys, keep, error):
    with pytest.raises(type(error)), telling_so_far(keep(whole()), "walk-1", as_json=True):
        raise error
    assert capsys.readouterr().out == ""
