"""JSON that was asked for, in an answer that may hold anything beside it."""

from __future__ import annotations

import json
from typing import TypeVar

from pydantic import ValidationError

from rewardsmith.domain.prompt import Message
from rewardsmith.domain.record import Record
from rewardsmith.prompting.extraction import spoken

CALLS = 2
"""Calls for one JSON object at most: without it in the answer the model is asked once more."""
MOST_READ = 65_536
"""Characters of an answer that are looked through, from its end."""
MOST_TEXT = 2000
"""Characters that are kept of an answer without JSON."""

_DECODER = json.JSONDecoder()
Kind = TypeVar("Kind", bound=Record)


def find_record(text: str, kind: type[Kind]) -> Kind | None:
    """The last JSON object in `text` that is a `kind`, fenced or not; keys that the record does not have are left out.

    Drafts come first, so the last one counts.
    """
    text = spoken(text)[-MOST_READ:]
    found, place = None, text.find("{")
    while place >= 0:
        end = place + 1
        try:
            value, end = _DECODER.raw_decode(text, place)
            found = kind.model_validate({key: value[key] for key in kind.model_fields if key in value})
        except (ValidationError, ValueError, RecursionError):
            pass
        place = text.find("{", end)
    return found


def prose(text: str) -> str:
    """What is kept of an answer that is no JSON even when asked twice."""
    return spoken(text).strip()[:MOST_TEXT]


def ask_again(messages: tuple[Message, ...], answer: str, example: str) -> tuple[Message, ...]:
    """The messages that ask once more, after an answer without the JSON that was asked for."""
    demand = f"There is no JSON object of the form asked for in this answer. Answer with that object alone: {example}"
    said = Message(role="assistant", content=prose(answer) or "(no answer)")
    return (*messages, said, Message(role="user", content=demand + "\n"))
