"""What is wrong with a request that does not validate, in words: where, the near misses, what to send instead."""

from __future__ import annotations

from typing import Any, get_args

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel

from rewardsmith.domain.request import Problem
from rewardsmith.errors import near_misses, one_line
from rewardsmith.service.problems import problem

_TAGS = ("body", "task-name", "task-inline")
"""Parts of a field's place that no request wrote."""
_REMEDY = "see /openapi.json for what is expected"


def invalid(request: Request, error: RequestValidationError) -> Problem:
    """The first thing that is wrong."""
    first = error.errors()[0]
    place = tuple(part for part in first["loc"] if part not in _TAGS)
    where = ".".join(one_line(str(part), 60) for part in place)
    if first["type"] == "json_invalid":
        words = f"the body is no JSON: {one_line(first['ctx']['error'])}, at character {where}"
        return problem("invalid request", 422, words, remedy=_REMEDY)
    if not place and "json" not in (sent := request.headers.get("content-type", "")):
        words = f"the body is sent as {one_line(sent, 100)!r}" if sent else "the body is sent without a content type"
        return problem("invalid request", 422, words, remedy="send it with the header Content-Type: application/json")
    if first["type"] == "extra_forbidden":
        known = sorted(_fields(request, place[:-1]))
        near = tuple(near_misses(str(place[-1]), known))
        words = f"there is no field {where}" + (f"; did you mean {' or '.join(map(repr, near))}?" if near else "")
        remedy = f"fields: {', '.join(known)}" if known else _REMEDY
        return problem("invalid request", 422, words, field=where, near=near, remedy=remedy)
    words = one_line(f"{where or 'the body'}: {first['msg']}")
    return problem("invalid request", 422, words, field=where or None, remedy=_REMEDY)


def _fields(request: Request, place: tuple[Any, ...]) -> set[str]:
    """The fields that the record at a place of the body may have, as far as that is one record."""
    route = request.scope.get("route")
    body = route.body_field if isinstance(route, APIRoute) else None
    records = set() if body is None else _records(body.field_info.annotation)
    for part in place:
        named = [record.model_fields[part].annotation for record in records if part in record.model_fields]
        records = {record for annotation in named for record in _records(annotation)}
    return {name for record in records for name in record.model_fields}


def _records(annotation: Any) -> set[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    return {record for part in get_args(annotation) for record in _records(part)}
