"""Data on standard output: one JSON value, or text."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any
from unicodedata import category

from pydantic import BaseModel

_OBEYED = {"Cc", "Cf", "Co", "Cs"}


def emit_json(value: BaseModel | Sequence[BaseModel] | dict[str, Any]) -> None:
    """Print a record, a list of records or a plain object as JSON."""
    if isinstance(value, BaseModel):
        text = value.model_dump_json(indent=2)
    elif isinstance(value, dict):
        text = json.dumps(value, indent=2, ensure_ascii=False)
    else:
        text = json.dumps([each.model_dump(mode="json") for each in value], indent=2, ensure_ascii=False)
    sys.stdout.write(text + "\n")


def emit_text(text: str) -> None:
    """Print text, with one newline at its end.

    Control and formatting characters, which a candidate's source may hold, become escapes: no terminal obeys them.
    """
    sys.stdout.write("".join(c if c in "\n\t" or category(c) not in _OBEYED else _escape(c) for c in text.rstrip("\n")))
    sys.stdout.write("\n")


def emit_file(text: str) -> None:
    """Print the text of a file exactly as it is."""
    sys.stdout.write(text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
