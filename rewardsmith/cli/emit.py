"""Data on standard output: one JSON value, or text."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from unicodedata import category

from rewardsmith.display.streams import silence
from rewardsmith.reports.words import OBEYED, visible

if TYPE_CHECKING:
    from pydantic import BaseModel


def emit_json(value: BaseModel | Sequence[BaseModel] | dict[str, Any]) -> None:
    """Print a record, a list of records or a plain object as JSON, in which no terminal finds anything to obey."""
    if isinstance(value, dict):
        text = json.dumps(value, indent=2, ensure_ascii=False)
    elif isinstance(value, Sequence):
        text = json.dumps([each.model_dump(mode="json") for each in value], indent=2, ensure_ascii=False)
    else:
        text = value.model_dump_json(indent=2)
    _write("".join(c if c == "\n" or category(c) not in OBEYED else _escape_json(c) for c in text) + "\n")


def emit_text(text: str) -> None:
    """Print text, with one newline at its end.

    Control and formatting characters, which a candidate's source may hold, become escapes: no terminal obeys them.
    """
    _write(visible(text.rstrip("\n")) + "\n")


def emit_file(text: str) -> None:
    """Print the text of a file: exactly as it is into a file or a pipe, as text on a terminal."""
    if sys.stdout.isatty():
        emit_text(text)
    else:
        _write(text)


def flush() -> None:
    """Hand on what was printed; a reader that has left wants no more, which is no error."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        silence(sys.stdout)


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
    except BrokenPipeError:
        silence(sys.stdout)


def _escape_json(character: str) -> str:
    return json.dumps(character)[1:-1]
