"""What a server answers, as records or as the errors that it stands for."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from rewardsmith import errors
from rewardsmith.domain.events import StoredEvent
from rewardsmith.errors import InfrastructureError, LimitReached, RewardsmithError, UnknownName, UsageError, one_line

T = TypeVar("T")
_BUSY = (429, 500, 502, 503, 504)
"""Statuses after which trying again may help."""
_ERRORS = {
    errors.kind_of(found): found
    for found in (getattr(errors, name) for name in errors.__all__)
    if isinstance(found, type) and issubclass(found, RewardsmithError)
}


def read(kind: type[T], text: str | bytes, url: str) -> T:
    """The answer as what it should be; fields that a newer server added are passed over.

    Raises:
        InfrastructureError: It is something else.
    """
    try:
        found: T = TypeAdapter(kind).validate_json(text, extra="ignore")
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the answer"
        raise InfrastructureError(
            f"{url} answered what this version cannot read: {where}: {first['msg']}",
            hint="is it a rewardsmith server, and of the same version?",
        ) from error
    return found


def read_event(text: str | bytes, url: str) -> StoredEvent | None:
    """An event; none where it is of a kind that this version does not know. Raises InfrastructureError."""
    try:
        return read(StoredEvent, text, url)
    except InfrastructureError as error:
        cause = error.__cause__
        if isinstance(cause, ValidationError) and {each["type"] for each in cause.errors()} == {"union_tag_invalid"}:
            return None
        raise


def read_log(text: str | bytes, url: str) -> list[StoredEvent]:
    """The events of kinds that this version knows. Raises InfrastructureError."""
    lines = read(list[dict[str, Any]], text, url)
    found = (read_event(json.dumps(line), url) for line in lines)
    return [event for event in found if event]


def error_of(status: int, problem: Any, url: str) -> RewardsmithError:
    """The error that a refusal stands for: the server's own class, where it named one."""
    said = problem if isinstance(problem, dict) else {}
    detail = one_line(str(said.get("detail") or f"{url} answered {status}"), 1000)
    hint = one_line(str(said.get("remedy") or ""), 1000)
    kind = str(said.get("type", "")).removeprefix("urn:rewardsmith:").replace("-", " ")
    fallback = InfrastructureError if status in _BUSY else UsageError
    found = _ERRORS.get(kind, fallback)
    error = found.__new__(found)
    RewardsmithError.__init__(error, detail, hint=hint)
    if isinstance(error, UnknownName):
        error.kind, error.name = str(said.get("field", "")), ""
        error.near = [str(name) for name in said.get("near", ())]
    if isinstance(error, LimitReached):
        error.wait_s = float(said.get("wait_s") or 0.0)
    return error
