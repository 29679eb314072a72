"""Commands that only look, on the shipped data."""

from __future__ import annotations

import json
import sys

import jsonschema
import pytest

from rewardsmith.cli.emit import emit_file, emit_text
from rewardsmith.cli.main import SECTIONS
from rewardsmith.cli.schema import results


def test_tasks_are_listed_for_people_and_programs(say):
    listed = json.loads(say("tasks", "--json").out)
    names = [task["task"] for task in listed]
    assert {"ant", "ant_spin", "cartpole"} <= set(names)
    lines = say("tasks").out.splitlines()
    assert [line.split()[0] for line in lines[2:]] == names


def test_a_task_is_shown_whole(say):
    shown = say("tasks", "show", "ant").out
    assert "Ant-v5" in shown
    assert "def score(" in shown
    assert json.loads(say("tasks", "show", "ant", "--json").out)["environment"]["id"] == "Ant-v5"
    assert json.loads(say("tasks", "--json", "show", "ant").out)["environment"]["id"] == "Ant-v5"


def test_a_task_of_the_working_directory_comes_first(say, tmp_path):
    mine = tmp_path / "envs" / "ant"
    mine.mkdir(parents=True)
    (mine / "score.py").write_text("def score(torso_position):\n    return 42.0\n")
    assert "return 42.0" in say("tasks", "show", "ant").out


def test_recipes_are_listed(say):
    found = {each["recipe"]: each for each in json.loads(say("recipes", "--json").out)}
    assert found["eureka"]["k"] == 16
    assert "smith" in say("recipes").out


@pytest.mark.parametrize(("folder", "command", "key"), [("envs", "tasks", "task"), ("prompts", "recipes", "recipe")])
def test_what_cannot_be_read_is_named_and_hides_no_others(say, tmp_path, folder, command, key):
    half = tmp_path / folder / "half"
    half.mkdir(parents=True)
    (half / f"{key}.toml").write_text("title =")
    (half / "score.py").touch()
    found = {each[key]: each["fault"] for each in json.loads(say(command, "--json").out)}
    assert found.pop("half").startswith(f"{key}.toml: not TOML")
    assert found
    assert not any(found.values())
    assert "cannot be read: " in say(command).out


def test_there_are_no_runs_yet(say, tmp_path):
    assert f"no runs yet in {tmp_path / 'runs'}" in say("runs").out
    assert json.loads(say("runs", "--json").out) == []
    assert not (tmp_path / "runs").exists(), "a misspelt folder is not made"


def test_variables_stand_for_options(say, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("REWARDSMITH_RUNS_DIR", "file")
    assert say("runs").code != 0
    assert say("runs", "--runs-dir", "elsewhere").code == 0


def test_an_unknown_run_is_a_usage_error(say):
    said = say("show", "nothing", "--json")
    assert said.code == 2
    assert json.loads(said.err)["error"]["type"] == "UnknownName"


def test_every_command_has_a_schema(say):
    schemas = json.loads(say("schema").out)
    commands = {name for section in SECTIONS.values() for name in section} - {"schema"}
    assert commands <= set(schemas)
    assert set(schemas) == set(results())
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("arguments", [["tasks"], ["tasks", "show", "ant"], ["recipes"], ["runs"]], ids=" ".join)
def test_json_is_what_the_schema_says(say, arguments):
    schema = json.loads(say("schema", " ".join(a for a in arguments if a != "ant")).out)
    jsonschema.validate(json.loads(say(*arguments, "--json").out), schema)


@pytest.mark.parametrize("arguments", [["runs"], ["tasks"], ["tasks", "show", "ant"], ["recipes"]])
def test_what_is_printed_ends_with_one_newline(say, arguments):
    out = say(*arguments).out
    assert out.endswith("\n")
    assert not out.endswith("\n\n")


def test_a_file_is_printed_as_it_is_but_not_to_a_terminal(capsys, monkeypatch):
    emit_file("a\x1b[2J\r\n")
    assert capsys.readouterr().out == "a\x1b[2J\r\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    emit_file("a\x1b[2J\n")
    assert capsys.readouterr().out == "a\\x1b[2J\n"


def test_a_terminal_obeys_nothing_that_is_printed(capsys):
    emit_text("a\x1b[2J\u202e\tb\nc é")
    assert capsys.readouterr().out == "a\\x1b[2J\\u202e\tb\nc é\n"
