"""What a page's form sent, as what the REST interface takes."""

from __future__ import annotations

from typing import Any, TypeVar
from urllib.parse import parse_qs

from pydantic import ValidationError
from starlette.requests import Request

from rewardsmith.domain.record import Record
from rewardsmith.domain.request import RunRequest
from rewardsmith.errors import UsageError, one_line

RecordType = TypeVar("RecordType", bound=Record)
Fields = dict[str, list[str]]
"""The values of a form by name; what was left empty is not there."""

_MOST_FIELDS = 100
_WORDS = ("task", "recipe", "model", "budget", "name")
_NUMBERS = ("iters", "k", "steps", "seed")
_LIMITS = {"dollars": 1.0, "minutes": 60.0, "target": 1.0}
"""Fields of `stop`, with what a value is multiplied by."""


async def fields_of(request: Request) -> Fields:
    """The fields of a form. Raises UsageError where it is none."""
    try:
        return parse_qs((await request.body()).decode(), max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise UsageError("this is no form", hint="send it from the page") from error


def run_request(fields: Fields) -> RunRequest:
    """The run that a form asks for. Raises UsageError, naming the field."""
    asked: dict[str, Any] = {name: fields[name][0].strip() for name in _WORDS if name in fields}
    asked |= {name: _number(fields[name][0]) for name in _NUMBERS if name in fields}
    limits = {name: _number(fields[name][0]) for name in _LIMITS if name in fields}
    stop = {name: each * _LIMITS[name] if isinstance(each, int | float) else each for name, each in limits.items()}
    if "minutes" in stop:
        stop["wall_s"] = stop.pop("minutes")
    return checked(RunRequest, asked | {"baselines": fields.get("baselines", []), "stop": stop})


def checked(record: type[RecordType], given: dict[str, Any]) -> RecordType:
    """A record of what was given. Raises UsageError, naming the field."""
    try:
        return record.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = one_line(".".join(str(part) for part in first["loc"]), 60)
        given_as = f" {one_line(first['input'], 60)!r}" if isinstance(first["input"], str) else ""
        words = f"{where}{given_as}: {one_line(first['msg'], 200)}"
        raise UsageError(words, hint="change it and try again") from error


def _number(text: str) -> int | float | str:
    """The number that a text is, and else the text, which a record then refuses by name."""
    for kind in (int, float):
        try:
            return kind(text.strip())
        except ValueError:
            continue
    return text
