"""Recipes: a folder with `recipe.toml` and one `<stage>.md.j2` per template."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from rewardsmith.catalogue.files import parse_record, read_text, read_toml, validated
from rewardsmith.catalogue.folders import Folders
from rewardsmith.domain.recipe import (
    AnalyseStage,
    ConfirmStage,
    CritiqueStage,
    DescribeStage,
    ParentStage,
    RaceStage,
    Recipe,
    RetrieveStage,
    ScreenStage,
    SignsStage,
    TuneStage,
    WriteStage,
)
from rewardsmith.domain.record import Record
from rewardsmith.errors import RecipeError

_TEMPLATE = ".md.j2"
_CHANGES = "set.toml"
"""What `--set` changed, beside the files of a run's recipe."""
_KEY = re.compile(r"[a-z_]+(\.[a-z_]+)*")


class _RecipeFile(Record):
    """What `recipe.toml` may say."""

    title: str = Field(min_length=1)
    description: str = Field(min_length=1)
    sources: tuple[str, ...]
    write: WriteStage
    signs: SignsStage = SignsStage()
    retrieve: RetrieveStage = RetrieveStage()
    critique: CritiqueStage = CritiqueStage()
    analyse: AnalyseStage = AnalyseStage()
    describe: DescribeStage = DescribeStage()
    parents: ParentStage
    screen: ScreenStage
    race: RaceStage = RaceStage()
    tune: TuneStage = TuneStage()
    confirm: ConfirmStage = ConfirmStage()


def list_recipes(folders: Folders) -> tuple[str, ...]:
    """Return the names of all recipes in the data folders, sorted."""
    return folders.members("prompts")


def load_recipe(recipe: str | Path, folders: Folders) -> Recipe:
    """Load a recipe by name, or by the path of its folder.

    Raises:
        UnknownName: No recipe of that name; lists the near misses.
        RecipeError: A file is missing or wrong: says which, where in it, and what is expected.
    """
    name, files = folders.find("prompts", recipe)
    return _build(name, _texts(files), {file: str(path) for file, path in files.items()})


def recipe_files(recipe: str | Path, folders: Folders, changes: Sequence[str] = ()) -> dict[str, str]:
    """Read each file of a recipe, by file name: what a run keeps of it (`RunSpec.recipe_files`).

    Args:
        recipe: Its name, or the path of its folder.
        folders: Where recipes are.
        changes: Settings that replace the file's, such as `parents.history=2`; kept as a file of their own.

    Raises:
        UnknownName: No recipe of that name.
        RecipeError: A file cannot be read, or a change is none.
    """
    files = _texts(folders.find("prompts", recipe)[1])
    lines = [_line(change) for change in changes]
    return files | {_CHANGES: "".join(lines)} if lines else files


def recipe_from_files(name: str, files: Mapping[str, str]) -> Recipe:
    """Build a recipe from its files' texts by file name.

    Raises:
        RecipeError: A file is missing or wrong.
    """
    return _build(name, files, {file: f"{name}/{file}" for file in files})


def _texts(files: Mapping[str, Path]) -> dict[str, str]:
    wanted = {name: path for name, path in sorted(files.items()) if name == "recipe.toml" or name.endswith(_TEMPLATE)}
    return {name: read_text(path, RecipeError) for name, path in wanted.items()}


def _build(name: str, texts: Mapping[str, str], places: Mapping[str, str]) -> Recipe:
    if "recipe.toml" not in texts:
        raise RecipeError(f"recipe {name}: recipe.toml is missing")
    given = parse_record(_RecipeFile, texts["recipe.toml"], places["recipe.toml"], RecipeError)
    if _CHANGES in texts:
        base = read_toml(texts["recipe.toml"], places["recipe.toml"], RecipeError)
        given = validated(
            _RecipeFile, _over(base, read_toml(texts[_CHANGES], "--set", RecipeError)), "--set", RecipeError
        )
    templates = {file.removesuffix(_TEMPLATE): text for file, text in texts.items() if file.endswith(_TEMPLATE)}
    if not templates:
        raise RecipeError(
            f"recipe {name}: no template", hint=f"put its templates beside recipe.toml, as <name>{_TEMPLATE}"
        )
    fields = {field: getattr(given, field) for field in _RecipeFile.model_fields}
    return Recipe(name=name, templates=templates, **fields)


def _line(change: str) -> str:
    """`parents.policy=top` as a line of TOML: a value that is no TOML is text."""
    key, equals, value = (part.strip() for part in change.partition("="))
    if not equals or not _KEY.fullmatch(key):
        raise RecipeError(
            f"--set {change!r} sets nothing", hint="such as --set parents.history=2, a key of recipe.toml"
        )
    for line in (f"{key} = {value}\n", f"{key} = {json.dumps(value)}\n"):
        try:
            if len(tomllib.loads(line)) == 1:
                return line
        except tomllib.TOMLDecodeError:
            continue
    raise RecipeError(f"--set {change!r}: its value cannot be read", hint="write it as in recipe.toml")


def _over(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `changes`, table by table."""
    merged = dict(base)
    for key, value in changes.items():
        below = merged.get(key)
        merged[key] = _over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged
