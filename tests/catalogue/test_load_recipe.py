from pathlib import Path

import pytest

from rewardsmith.catalogue.folders import Folders, find_folders
from rewardsmith.catalogue.recipes import list_recipes, load_recipe, recipe_files, recipe_from_files
from rewardsmith.errors import RecipeError, UnknownName

TOML = """\
title = "Mine"
description = "One turn."
sources = ["a paper"]

[write]
k = 3
iterations = 1
temperature = 0.5

[parents]
policy = "overall_best"
history = 0

[screen]
repairs = 1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "prompts" / "mine"
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text(TOML)
    (folder / "system.md.j2").write_text("You write rewards for {{ task }}.")
    (folder / "notes.txt").write_text("not part of it")
    return folder


@pytest.fixture
def folders(folder: Path) -> Folders:
    return find_folders(here=folder.parent.parent)


def test_a_name_and_a_path_load_the_same_recipe(folder: Path, folders: Folders) -> None:
    recipe = load_recipe("mine", folders)
    assert (recipe.name, recipe.write.k, recipe.parents.policy) == ("mine", 3, "overall_best")
    assert recipe.templates == {"system": "You write rewards for {{ task }}."}
    assert load_recipe(folder, folders) == recipe
    assert "mine" in list_recipes(folders)


def test_what_a_run_keeps_builds_the_same_recipe(folders: Folders) -> None:
    kept = recipe_files("mine", folders)
    assert sorted(kept) == ["recipe.toml", "system.md.j2"]
    assert recipe_from_files("mine", kept) == load_recipe("mine", folders)


def test_an_unknown_key_is_named_with_near_misses(folder: Path, folders: Folders) -> None:
    (folder / "recipe.toml").write_text(TOML.replace("repairs", "repair"))
    with pytest.raises(RecipeError) as caught:
        load_recipe("mine", folders)
    assert f"{folder / 'recipe.toml'}: unknown key [screen] repair; did you mean 'repairs'?" in caught.value.message
    assert "keys of [screen]: archive, repairs" in caught.value.hint


def test_gates_are_no_choice_of_a_recipe(folder: Path, folders: Folders) -> None:
    (folder / "recipe.toml").write_text(TOML + 'gates = ["parse"]\n')
    with pytest.raises(RecipeError, match=r"unknown key \[screen\] gates"):
        load_recipe("mine", folders)


def test_an_unknown_recipe_lists_the_nearest(folders: Folders) -> None:
    with pytest.raises(UnknownName, match="unknown recipe 'mien'; did you mean 'mine'"):
        load_recipe("mien", folders)


def test_a_path_to_nowhere_says_what_it_should_hold(folders: Folders) -> None:
    with pytest.raises(RecipeError, match=r"no recipe folder nowhere"):
        load_recipe("./nowhere", folders)


@pytest.mark.parametrize(
    ("missing", "message"), [("recipe.toml", "recipe.toml is missing"), ("system.md.j2", "no template")]
)
def test_a_missing_file_is_named(missing: str, message: str, folders: Folders) -> None:
    files = {name: text for name, text in recipe_files("mine", folders).items() if name != missing}
    with pytest.raises(RecipeError, match=message):
        recipe_from_files("mine", files)


@pytest.mark.parametrize("name", list_recipes(find_folders()))
def test_every_shipped_recipe_loads(name: str) -> None:
    recipe = load_recipe(name, find_folders())
    told = {"describer", "describe", "correct", "unfilled"} if recipe.describe.calls else {"feedback"}
    assert {"system", "task", "repair", *told} <= recipe.templates.keys()
    assert recipe.sources
