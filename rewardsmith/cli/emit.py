"""Data on standard output: one JSON value, or text."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel


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
    """Print text, with one newline at its end."""
    sys.stdout.write(text.rstrip("\n") + "\n")
