from __future__ import annotations

import errno
import json
import subprocess
import sys

import click
import pytest

from rewardsmith.app import Workshop
from rewardsmith.cli.complaint import describe
from rewardsmith.domain.result import ErrorResult
from rewardsmith.errors import BelowThreshold, Interrupted, ModelUnavailable, UnknownName


@pytest.mark.parametrize(
    ("arguments", "near"),
    [
        (["evlove"], "'evolve'"),
        (["evolve", "--env", "ant", "--itres", "3"], "'--iters'"),
        (["evolve", "--env", "ant", "--baselines", "hunan"], "'human'"),
        (["tasks", "shw"], "'show'"),
        (["tasks", "show", "amt"], "'ant'"),
        (["schema", "trian"], "'train'"),
        (["prompts", "--env", "half_cheeta"], "'half_cheetah'"),
        (["doctor", "--sandbox", "bubblewarp"], "'bubblewrap'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_near_misses_of_every_name(say, arguments, near):
    plain = say(*arguments)
    assert (plain.code, plain.out) == (2, "")
    assert plain.err.startswith("error: ")
    assert near in plain.err.splitlines()[0]
    structured = say(*arguments, "--json")
    assert (structured.code, structured.out) == (2, "")
    error = ErrorResult.model_validate_json(structured.err).error
    assert error.type == "UnknownName"
    assert near in error.message


@pytest.mark.parametrize(
    "arguments",
    [
        ["evolve"],
        ["evolve", "--env", "ant", "--iters", "0"],
        ["evolve", "--env", "ant", "--steps", "many"],
        ["evolve", "--env", "ant", "--steps", "1.5"],
        ["train", "--env", "ant"],
        ["screen", "--env", "ant"],
        ["evolve", "--env", "ant", "--display", "fancy"],
    ],
    ids=" ".join,
)
def test_wrong_usage_points_at_the_help(say, arguments):
    error = ErrorResult.model_validate_json(say(*arguments, "--json").err).error
    assert error.type == "UsageError"
    assert error.hint == f"see `rewardsmith {arguments[0]} --help`"
    assert say(*arguments).code == 2


def test_json_can_be_asked_for_by_a_variable(say, monkeypatch):
    monkeypatch.setenv("REWARDSMITH_JSON", "1")
    assert json.loads(say("evlove").err)["error"]["type"] == "UnknownName"


def test_a_value_behind_two_dashes_is_no_flag(say):
    assert say("tasks", "show", "--", "--json").err.startswith("error: ")


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (UnknownName("task", "a", []), "UnknownName", 2),
        (BelowThreshold("no"), "BelowThreshold", 1),
        (ModelUnavailable("down"), "ModelUnavailable", 3),
        (Interrupted("stopped"), "Interrupted", 130),
        (KeyboardInterrupt(), "Interrupted", 130),
        (click.Abort(), "Interrupted", 130),
        (OSError(errno.ENOSPC, "No space left on device", "runs/x"), "StoreError", 3),
        (PermissionError(errno.EACCES, "Permission denied", "runs"), "StoreError", 3),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "InfrastructureError", 3),
        (ValueError("odd"), "InternalError", 3),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_each_class_has_its_exit_code(error, kind, code):
    found = describe(error)
    assert (found[0], found[3]) == (kind, code)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["evolve", "--env", "ant", "--iters", "x"], "'x' is not a whole number."),
        (["evolve", "--env", "ant", "--target", "high"], "'high' is not a number."),
        (["evolve", "--env", "ant", "--seed", "1.5"], "'1.5' is not a whole number."),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_no_number_is_is_told_in_words(say, arguments, said):
    assert said in say(*arguments).err


def test_a_folder_in_place_of_a_file_is_wrong_usage():
    kind, _, hint, code = describe(IsADirectoryError(errno.EISDIR, "Is a directory", "out"))
    assert (kind, hint, code) == ("UsageError", "name a file in it", 2)


def test_a_full_disk_is_named_with_its_place():
    _, message, hint, _ = describe(OSError(errno.ENOSPC, "No space left on device", "runs/x"))
    assert message == "No space left on device: runs/x"
    assert "resume" in hint


def test_a_reader_that_leaves_early_is_no_error():
    line = f"{sys.executable} -m rewardsmith schema | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "{\n", "")


@pytest.mark.parametrize("redirection", ["2>&1 >/dev/null | true", "2>/dev/full", "2>&-"])
def test_an_error_that_nobody_reads_keeps_its_exit_code(redirection, tmp_path):
    line = f"{sys.executable} -m rewardsmith show none {redirection}; exit ${{PIPESTATUS[0]}}"
    assert subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True).returncode == 2


def test_a_full_disk_under_standard_output_is_an_error():
    line = f"{sys.executable} -m rewardsmith schema > /dev/full"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
    assert done.returncode == 3
    assert "No space left" in done.stderr


def test_a_pipe_of_the_work_that_breaks_is_no_reader_that_left(say, monkeypatch):
    def broken(*_):
        raise BrokenPipeError

    monkeypatch.setattr(Workshop, "runs", broken)
    said = say("runs")
    assert said.code == 3
    assert "broken pipe" in said.err


def test_a_name_in_place_of_a_command_is_shown_the_way(say):
    for group, name in (("recipes", "eureka"), ("tasks", "ant")):
        assert f"`rewardsmith {group} show {name}`" in say(group, name).err


def test_a_broken_task_file_is_named(say, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "task.toml").write_text("titel = 'x'\n")
    (tmp_path / "mine" / "score.py").write_text("def score(action):\n    return 0.0\n")
    error = ErrorResult.model_validate_json(say("tasks", "show", "./mine", "--json").err).error
    assert error.type == "TaskError"
    assert "task.toml" in error.message


def test_a_runs_folder_that_is_a_file(say, tmp_path):
    (tmp_path / "file").write_text("")
    said = say("runs", "--runs-dir", "file", "--json")
    assert said.code in (2, 3)
    assert "file" in ErrorResult.model_validate_json(said.err).error.message


@pytest.mark.parametrize("option", ["--max-dollars", "--max-minutes", "--target"])
@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_what_is_no_finite_number_is_a_wrong_option(say, option, value):
    said = say("evolve", "--env", "cartpole", option, value)
    assert said.code == 2
    assert option in said.err
