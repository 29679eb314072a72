"""What a model is told of every shipped task, as it was when somebody last looked at it."""

from __future__ import annotations

import difflib

import pytest

from rewardsmith.catalogue.recipes import list_recipes, load_recipe
from tests.prompting.rendered import FOLDERS, HERE, files_of, rendered

COMMAND = "make snapshots"


@pytest.mark.parametrize("name", list_recipes(FOLDERS))
def test_every_prompt_is_as_it_was(name: str) -> None:
    folder = HERE / name
    now = files_of(load_recipe(name, FOLDERS))
    stored = {file.name: file.read_text() for file in folder.iterdir()} if folder.is_dir() else {}
    assert set(stored) == set(now), f"run `{COMMAND}`"
    for file, text in now.items():
        lines = difflib.unified_diff(stored[file].splitlines(), text.splitlines(), "stored", "now", lineterm="", n=1)
        shown = "\n".join(line for _, line in zip(range(40), lines, strict=False))
        assert not shown, f"{name}/{file} has changed; if that is meant, run `{COMMAND}` and look at the diff:\n{shown}"


@pytest.mark.parametrize("name", list_recipes(FOLDERS))
def test_no_prompt_holds_what_a_template_failed_to_say(name: str) -> None:
    for messages in rendered(load_recipe(name, FOLDERS)).values():
        for title, text in messages.items():
            for wrong in ("{{", "{%", "Undefined", "None", " nan", "array(", "<rewardsmith", "object at 0x"):
                assert wrong not in text, f"{title}: {wrong}"
