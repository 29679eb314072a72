from __future__ import annotations

import json

import pytest
from told_run import beginning, fold, result, whole

from rewardsmith.cli.ending import conclude, ending, telling_so_far
from rewardsmith.domain.result import RunResult
from rewardsmith.domain.run import Run
from rewardsmith.errors import BelowThreshold, InfrastructureError, Interrupted, RunBusy, UsageError


class Kept:
    """The two questions that an ending asks of a workshop, answered from a run told by hand."""

    def __init__(self, run: Run, outcome: RunResult) -> None:
        self._run, self._outcome = run, outcome

    def run(self, run: str) -> Run:
        assert run == "walk-1"
        return self._run

    def result(self, run: str) -> RunResult:
        assert run == "walk-1"
        return self._outcome


def outcome(**changes) -> RunResult:
    return result().model_copy(update=changes)


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


def test_a_finished_run_raises_nothing(capsys):
    conclude(Kept(fold(whole()), result()), result(), as_json=True)
    captured = capsys.readouterr()
    assert RunResult.model_validate_json(captured.out) == result()
    assert captured.err == ""


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"status": "paused", "reason": "the provider is down"}, InfrastructureError),
        ({"status": "failed", "reason": "no valid candidate", "best": None}, BelowThreshold),
        ({"status": "done", "best": None}, BelowThreshold),
    ],
)
def test_a_run_without_an_end_prints_what_it_has_and_raises(capsys, changes, kind):
    found = outcome(**changes)
    with pytest.raises(kind) as caught:
        conclude(Kept(fold(beginning()), found), found, as_json=True)
    assert json.loads(capsys.readouterr().out)["status"] == changes["status"]
    assert "walk-1" in caught.value.message + caught.value.hint


def test_an_interrupted_run_tells_what_it_has_so_far(capsys):
    found = outcome(status="paused", best=None)
    with pytest.raises(Interrupted), telling_so_far(Kept(fold(beginning()), found), "walk-1", as_json=False):
        raise Interrupted("stopped")
    assert "Run walk-1 is paused. So far it took 9 trainings" in capsys.readouterr().out


@pytest.mark.parametrize("error", [RunBusy("another process"), UsageError("the name is taken")])
def test_a_run_of_somebody_else_is_not_told(capsys, error):
    with pytest.raises(type(error)), telling_so_far(Kept(fold(whole()), result()), "walk-1", as_json=True):
        raise error
    assert capsys.readouterr().out == ""
