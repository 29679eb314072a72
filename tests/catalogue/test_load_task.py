from pathlib import Path

import pytest

from rewardsmith.catalogue.folders import Folders, find_folders
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.domain.task import Task
from rewardsmith.errors import TaskError, UnknownName

TOML = """\
title = "Balance"
description = "Keep the pole up."

[environment]
id = "CartPole-v1"
horizon = 500

[score]
meaning = "share of the horizon"

[trainer]
algorithm = "stable_baselines3.PPO"
source = "none"

[trainer.settings]
gamma = 0.99

[budgets.quick]
steps = 1000

[signals.cart_position]
source = "observation"
index = 0
meaning = "position of the cart"
"""
SCORE = "def score(action, horizon):\n    return action.shape[0] / horizon\n"


@pytest.fixture
def folders() -> Folders:
    return find_folders()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "my_task"
    folder.mkdir()
    (folder / "task.toml").write_text(TOML)
    (folder / "score.py").write_text(SCORE)
    return folder


def rewrite(folder: Path, old: str, new: str) -> None:
    text = (folder / "task.toml").read_text()
    assert old in text
    (folder / "task.toml").write_text(text.replace(old, new))


def fault(folder: Path, folders: Folders) -> TaskError:
    with pytest.raises(TaskError) as caught:
        load_task(folder, folders)
    return caught.value


def test_a_name_loads_a_shipped_task(folders: Folders) -> None:
    task = load_task("ant", folders)
    assert (task.name, task.environment.id) == ("ant", "Ant-v5")
    assert "def score" in task.score.source
    assert Task.model_validate_json(task.model_dump_json()) == task


def test_a_path_loads_a_folder_anywhere(folder: Path, folders: Folders) -> None:
    (folder / "view.md").write_text("a cart on a rail")
    task = load_task(str(folder), folders)
    assert (task.name, task.view) == ("my_task", "a cart on a rail")
    assert task.signals["cart_position"].index == 0
    assert load_task(folder, folders) == load_task(folder / "task.toml", folders) == task


def test_a_bare_name_may_be_a_folder_of_the_working_directory(
    folder: Path, folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    assert load_task("my_task", folders).title == "Balance"


def test_a_user_file_changes_one_file_of_a_shipped_task(tmp_path: Path) -> None:
    (tmp_path / "envs" / "ant").mkdir(parents=True)
    (tmp_path / "envs" / "ant" / "score.py").write_text(SCORE)
    changed, shipped = load_task("ant", find_folders(here=tmp_path)), load_task("ant", find_folders())
    assert changed.score.source == SCORE
    assert changed.trainer == shipped.trainer
    assert changed.fingerprint() != shipped.fingerprint()


def test_the_module_of_the_environment_travels_with_the_task(folder: Path, folders: Folders) -> None:
    rewrite(folder, "horizon = 500", 'horizon = 500\nmodule = "environment.py"')
    assert "environment.py" in fault(folder, folders).message
    (folder / "environment.py").write_text("x = 1\n")
    assert load_task(folder, folders).module_source == "x = 1\n"
    rewrite(folder, '"environment.py"', '"../environment.py"')
    assert "no such file beside task.toml" in fault(folder, folders).message


def test_an_unknown_name_lists_the_nearest(folders: Folders) -> None:
    with pytest.raises(UnknownName, match="'half_chetah'; did you mean 'half_cheetah'") as caught:
        load_task("half_chetah", folders)
    assert caught.value.hint.startswith("known tasks: half_cheetah, ")
    assert caught.value.hint.endswith("`rewardsmith tasks` lists all")


@pytest.mark.parametrize("path", ["./nowhere", "/nowhere/at/all", "~nobody/task"])
def test_a_path_to_nowhere_is_no_misspelled_name(path: str, folders: Folders) -> None:
    with pytest.raises(TaskError, match="no task folder"):
        load_task(path, folders)


@pytest.mark.parametrize("missing", ["task.toml", "score.py"])
def test_a_missing_file_is_named(missing: str, folder: Path, folders: Folders) -> None:
    (folder / missing).unlink()
    assert f"my_task: {missing} is missing" in fault(folder, folders).message


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ("horizon = 500", "horizn = 500", "unknown key [environment] horizn; did you mean 'horizon'?", "kwargs"),
        ("horizon = 500", "", "[environment] horizon is missing", ""),
        ("horizon = 500", 'horizon = "long"', "[environment] horizon = 'long'", ""),
        ("horizon = 500", "horizon = 0", "[environment] horizon = 0: input should be greater than 0", ""),
        ("steps = 1000", "stepz = 1000", "unknown key [budgets.quick] stepz; did you mean 'steps'?", "rungs"),
        ("index = 0", "indx = 0", "unknown key [signals.cart_position] indx; did you mean 'index'?", "meaning"),
        ("title =", "titel =", "unknown key titel; did you mean 'title' or 'trainer'?", "description"),
        ("title =", 'name = "x"\ntitle =', "unknown key name", "keys of the top of the file"),
        ("[score]", '[score]\nsource = "x"', "unknown key [score] source", "keys of [score]: meaning, target, unit"),
        ('"observation"', '"qpso"', "[signals.cart_position] source = 'qpso'", ""),
        ("[budgets.quick]\nsteps = 1000", "[budgets]", "budgets = {}", ""),
        ("gamma = 0.99", "seed = 1", "[trainer.settings] seed cannot be set here", "seed of each training"),
        ("gamma = 0.99", "n_envs = 1", "[trainer.settings] n_envs cannot be set here", "[trainer] environments"),
        ("stable_baselines3.PPO", "PPO", "'PPO' names no class of Stable-Baselines3", "stable_baselines3.PPO"),
        ("signals.cart_position", "signals.prev_x", "[signals.prev_x]: cannot name a signal", ""),
        ('"observation"\nindex = 0', '"info"', "[signals.cart_position] key is missing", ""),
    ],
)
def test_a_wrong_key_is_named_with_file_place_and_near_misses(
    old: str, new: str, message: str, hint: str, folder: Path, folders: Folders
) -> None:
    rewrite(folder, old, new)
    error = fault(folder, folders)
    assert str(folder / "task.toml") in error.message
    assert message in error.message
    assert hint in error.hint


def test_every_fault_of_a_file_is_reported_at_once(folder: Path, folders: Folders) -> None:
    rewrite(folder, "horizon = 500", "horizn = 500")
    rewrite(folder, "title =", "titel =")
    message = fault(folder, folders).message
    assert "horizn" in message
    assert "titel" in message


def test_what_is_not_toml_is_reported_with_its_line(folder: Path, folders: Folders) -> None:
    rewrite(folder, "horizon = 500", "horizon = = 500")
    assert "not TOML: Invalid value (at line 6, column 11)" in fault(folder, folders).message


def test_what_is_not_text_is_reported(folder: Path, folders: Folders) -> None:
    (folder / "task.toml").write_bytes(b"title = \xff")
    assert "not UTF-8 text (byte 8)" in fault(folder, folders).message


def test_a_score_rule_that_is_not_python_is_reported_with_its_line(folder: Path, folders: Folders) -> None:
    (folder / "score.py").write_text("\ndef score(action:\n")
    assert "score.py, line 2: not Python" in fault(folder, folders).message


def test_a_score_rule_without_score_is_reported(folder: Path, folders: Folders) -> None:
    (folder / "score.py").write_text("def scor(action):\n    return 1.0\n")
    assert "defines no function score(...)" in fault(folder, folders).message


def test_a_folder_name_that_cannot_name_a_run_is_refused(folder: Path, folders: Folders) -> None:
    renamed = folder.rename(folder.parent / "my task")
    assert "'my task' cannot name a task" in fault(renamed, folders).message
