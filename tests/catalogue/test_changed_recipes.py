from __future__ import annotations

import sys
import tomllib
import warnings
from pathlib import Path

import pytest

from rewardsmith.catalogue.folders import Folders, find_folders
from rewardsmith.catalogue.recipes import list_recipes, load_recipe, recipe_files, recipe_from_files
from rewardsmith.domain.recipe import Recipe
from rewardsmith.errors import RecipeError
from rewardsmith.reports.recipes import compare, told


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return find_folders(here=tmp_path)


def changed(folders: Folders, *changes: str) -> Recipe:
    return recipe_from_files("eureka", recipe_files("eureka", folders, changes))


def test_settings_are_changed_and_kept_beside_the_file(folders: Folders) -> None:
    files = recipe_files("eureka", folders, ["write.k=4", "parents.policy = top", "race.marks=[0.5]"])
    assert files["recipe.toml"] == recipe_files("eureka", folders)["recipe.toml"]
    recipe = recipe_from_files("eureka", files)
    assert (recipe.write.k, recipe.parents.policy, recipe.race.marks) == (4, "top", (0.5,))
    assert recipe.write.iterations == load_recipe("eureka", folders).write.iterations
    assert tomllib.loads(files["set.toml"])["parents"] == {"policy": "top"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("parents.histroy=2", r"--set: unknown key \[parents\] histroy; did you mean 'history'\?"),
        ("write.k=many", r"--set: \[write\] k = 'many': input should be a valid integer"),
        ("write.k=0", r"--set: \[write\] k = 0: input should be greater than 0"),
        ("write=2", r"--set: write = 2"),
        ("write.k", r"'write.k' sets nothing"),
        ("write.k=2\nparents.history=3", "sets nothing|cannot be read|valid integer"),
    ],
)
def test_what_is_no_setting_is_named(folders: Folders, change: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        changed(folders, change)


def test_a_key_that_is_set_twice_is_refused(folders: Folders) -> None:
    with pytest.raises(RecipeError, match="--set: not TOML"):
        changed(folders, "write.k=2", "write.k=3")


def _install(folder: Path, monkeypatch: pytest.MonkeyPatch, names: str) -> Path:
    """A distribution whose package `stranger` holds a recipe."""
    (folder / "stranger-1.0.dist-info").mkdir(parents=True)
    (folder / "stranger-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (folder / "stranger-1.0.dist-info" / "entry_points.txt").write_text(f"[rewardsmith.recipes]\n{names}")
    recipe = folder / "stranger" / "recipes" / "odd"
    recipe.mkdir(parents=True)
    (folder / "stranger" / "__init__.py").touch()
    monkeypatch.syspath_prepend(folder)
    for name in [name for name in sys.modules if name.split(".")[0] == "stranger"]:
        monkeypatch.delitem(sys.modules, name)
    return recipe


def test_another_package_brings_a_recipe_that_a_user_may_override(
    tmp_path: Path, folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = recipe_files("eureka", folders)
    recipe = _install(tmp_path / "site", monkeypatch, "odd = stranger.recipes.odd\n")
    for name, text in files.items():
        (recipe / name).write_text(text.replace('title = "EUREKA"', 'title = "Odd"'))
    assert "odd" in list_recipes(folders)
    assert load_recipe("odd", folders).title == "Odd"
    mine = tmp_path / "prompts" / "odd"
    mine.mkdir(parents=True)
    (mine / "task.md.j2").write_text("Mine: {{ description }}")
    found = load_recipe("odd", find_folders(here=tmp_path))
    assert (found.title, found.templates["task"]) == ("Odd", "Mine: {{ description }}")


def test_a_package_without_its_recipe_or_with_a_shipped_name_is_passed_over(
    tmp_path: Path, folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = "empty = stranger.recipes.odd\ngone = stranger.nowhere\nsmith = stranger.recipes.odd\n"
    _install(tmp_path / "site", monkeypatch, names)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert not {"empty", "gone"} & set(list_recipes(folders))
    said = " ".join(str(each.message) for each in told)
    for each in ("may not replace the recipe 'smith'", "'gone' is left out", "'empty' is left out"):
        assert each in said


def test_two_recipes_differ_in_keys_and_lines(folders: Folders) -> None:
    eureka, other = load_recipe("eureka", folders), changed(folders, "parents.history=2", "screen.archive=true")
    templates = other.templates | {"task": other.templates["task"] + "More.\n", "extra": "Alone."}
    found = compare(eureka, other.model_copy(update={"name": "mine", "templates": templates}))
    assert [(each.key, each.a, each.b) for each in found.settings] == [
        ("parents.history", "0", "2"),
        ("screen.archive", "false", "true"),
    ]
    rows = [line.split() for line in told(found).splitlines()]
    assert ["extra.md.j2", "–", "whole"] in rows
    assert ["task.md.j2", "0", "1"] in rows
    text = told(found, lines=True)
    assert "extra.md.j2: only in mine" in text
    assert "\n+More." in text
    assert "--- eureka/task.md.j2" in text
    assert told(compare(eureka, eureka)) == "eureka and eureka are the same method"
