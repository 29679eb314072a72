"""Commands that read a run from the store."""

from __future__ import annotations

import json

import jsonschema
import pytest
from told_run import warned, whole

from rewardsmith.errors import Conflict


@pytest.fixture
def told(keep, say):
    keep(whole())
    return say


def test_whoever_cancels_a_run_with_a_depot_of_its_own_does_nothing_else_as_that_run(keep, tmp_path):
    started, *rest = whole()
    spec = started.spec.model_copy(update={"artifacts": (tmp_path / "depot").as_uri()})
    workshop = keep([started.model_copy(update={"spec": spec}), *rest])
    workshop.discreet = True
    before = workshop.settings
    with pytest.raises(Conflict, match="done already"):
        workshop.cancel("walk-1")
    assert workshop.settings == before
    assert workshop.result("walk-1").folder == "walk-1"


def test_runs_lists_it(told):
    (line,) = json.loads(told("runs", "--json").out)
    assert (line["run"], line["status"], line["best"], line["generation"], line["alive"]) == (
        "walk-1",
        "done",
        3.5,
        2,
        False,
    )
    assert told("runs").out.splitlines()[2].split()[:4] == ["walk-1", "done", "walk", "smith"]


def test_show_tells_the_story(told):
    text = told("show", "walk-1").out
    assert text.startswith("# Walk: forward: walk-1")
    assert "## The winner: g2c00" in text


def test_show_json_is_the_result_of_evolve(told):
    shown = json.loads(told("show", "walk-1", "--json").out)
    assert shown["best"]["score"]["mean"] == 3.5
    assert shown["baselines"]["human"]["n"] == 2
    assert {"run", "status", "task", "best", "baselines", "usage", "folder"} <= set(shown)


def test_one_candidate(told):
    assert "speed_weight=12.0" in told("show", "walk-1", "g1c02").out
    shown = json.loads(told("show", "walk-1", "g1c01", "--json").out)
    assert shown["candidate"]["failure"]["kind"] == "no_code"
    assert shown["report"] is None


def test_warnings_are_shown_with_their_evidence(keep, say):
    keep(warned())
    assert json.loads(say("show", "walk-1", "--json").out)["best"]["warnings"][0]["evidence"] == {"share": 0.98}
    shown = json.loads(say("show", "walk-1", "g1c00", "--json").out)
    assert [warning["kind"] for warning in shown["warnings"]] == ["pays_idle", "one_term"]
    assert json.loads(say("show", "walk-1", "g2c01", "--json").out)["warnings"] == shown["warnings"], "its twin's"
    assert json.loads(say("show", "walk-1", "g1c02", "--json").out)["warnings"] == []


def test_a_candidate_that_is_not_there(told):
    said = told("show", "walk-1", "g1c07")
    assert said.code == 2
    assert "unknown candidate 'g1c07' in run walk-1; did you mean 'g1c0" in said.err


def test_diff_shows_what_changed_and_what_it_brought(told):
    lines = told("diff", "walk-1", "g1c00", "g2c00").out.splitlines()
    assert lines[:2] == ["--- g1c00  score 1.50", "+++ g2c00  score 3.50"]
    assert "-def compute_reward(torso_linear_velocity, *, speed_weight=10.0):" in lines
    assert "+def compute_reward(torso_linear_velocity, *, speed_weight=20.0):" in lines


def test_a_diff_with_itself_says_so(told):
    assert "have the same source" in told("diff", "walk-1", "g1c00", "g1c00").out
    assert json.loads(told("diff", "walk-1", "g1c00", "g1c00", "--json").out)["diff"] == ""


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        (["runs"], "runs"),
        (["show", "walk-1"], "show"),
        (["show", "walk-1", "g1c02"], "show CANDIDATE"),
        (["diff", "walk-1", "g1c00", "g2c00"], "diff"),
        (["report", "walk-1"], "report"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_json_is_what_the_schema_says(told, arguments, result):
    schema = json.loads(told("schema", result).out)
    jsonschema.validate(json.loads(told(*arguments, "--json").out), schema)


def test_report_writes_a_page_and_the_story(told, tmp_path):
    said = told("report", "walk-1")
    folder = tmp_path / "runs" / "walk-1"
    assert said.out.splitlines() == [f"wrote {folder / 'report.html'}", f"wrote {folder / 'report.md'}"]
    assert (folder / "report.html").read_text().startswith("<!doctype html>")
    assert (folder / "report.md").read_text() == told("show", "walk-1").out
    assert json.loads(told("report", "walk-1", "-o", "new/folder", "--json").out) == {
        "run": "walk-1",
        "files": ["new/folder/report.html", "new/folder/report.md"],
    }
    assert (tmp_path / "new" / "folder" / "report.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "there"),
    [
        (["report", "walk-1", "-o", "mine"], "report.md"),
        (["export", "walk-1", "-o", "mine/reward.py"], "reward.py"),
        (["export", "walk-1", "--lock", "-o", "mine/reward.py"], "reward.rows.npz"),
        (["export", "walk-1", "--policy", "-o", "mine"], "policy.json"),
        (["video", "walk-1", "-o", "mine/film.gif"], "film.mp4"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_file_of_the_users_is_not_written_over(told, tmp_path, arguments, there):
    file = tmp_path / "mine" / there
    file.parent.mkdir()
    file.write_text("mine")
    said = told(*arguments)
    assert said.code == 2
    assert f"mine/{there}: there already" in said.err
    assert "--overwrite" in said.err
    assert [each.name for each in file.parent.iterdir()] == [there]
    assert file.read_text() == "mine"


def test_a_report_is_written_over_where_that_is_asked_for(told, tmp_path):
    place = tmp_path / "mine"
    place.mkdir()
    (place / "report.md").write_text("mine")
    assert told("report", "walk-1", "-o", "mine", "--overwrite").code == 0
    assert (place / "report.md").read_text() == told("show", "walk-1").out


def test_a_report_of_a_run_that_is_not_there_or_that_cannot_be_written(told, tmp_path):
    said = told("report", "walk-2")
    assert (said.code, "did you mean 'walk-1'" in said.err) == (2, True)
    (tmp_path / "file").write_text("")
    said = told("report", "walk-1", "-o", "file/below")
    assert said.code in (2, 3)
    assert "file/below" in said.err
