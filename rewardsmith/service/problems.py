"""Every failure of a request as `application/problem+json`."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from rewardsmith.domain.request import Problem
from rewardsmith.errors import (
    DatabaseAway,
    InfrastructureError,
    LimitReached,
    RewardsmithError,
    ScoreRuleError,
    UnknownName,
    kind_of,
    one_line,
)

_PLACE = re.compile(r"(?<![\w:/.])/(?!v1/)(?:[^/\s'\"()]+/)+|(?:postgresql|sqlite)[+\w]*://\S+")
"""The folders of an absolute path, or the address of the database: what the server's log alone tells."""
_LOG = logging.getLogger(__name__)
_RETRY_S = 10
"""What a client is told to wait where trying again may help."""


def respond(problem: Problem) -> Response:
    """The problem as an answer."""
    body = problem.model_dump_json(exclude_none=True)
    return Response(body, problem.status, headers_of(problem), media_type="application/problem+json")


def headers_of(problem: Problem) -> dict[str, str]:
    """What an answer says of the problem besides."""
    headers = {} if problem.wait_s is None else {"retry-after": str(problem.wait_s)}
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"
    return headers


def problem(kind: str, status: int, detail: str, **more: Any) -> Problem:
    """A problem of a kind in words, such as `unknown name`, which names its type for good."""
    return Problem(type=f"urn:rewardsmith:{kind.replace(' ', '-')}", title=kind, status=status, detail=detail, **more)


def of_error(error: RewardsmithError) -> Problem:
    """An error of ours, without places on the server.

    An unknown name in a body is no missing page, so its place decides on 404 or 422.
    """
    kind = kind_of(type(error))
    near: dict[str, Any] = {"field": error.kind, "near": tuple(error.near)} if isinstance(error, UnknownName) else {}
    if isinstance(error, ScoreRuleError):
        near = {"field": "task.score"}
    waits = {"wait_s": math.ceil(error.wait_s)} if isinstance(error, LimitReached) else {}
    if error.http_status == HTTPStatus.SERVICE_UNAVAILABLE:
        waits = {"wait_s": _RETRY_S}
    if isinstance(error, DatabaseAway):
        return problem(kind, error.http_status, "the database is out of reach", remedy="try again", **waits)
    detail, remedy = (_PLACE.sub("", text) for text in (error.message, error.hint))
    return problem(kind, error.http_status, detail, remedy=remedy, **near, **waits)


def describe(document: dict[str, Any]) -> None:
    """Have an OpenAPI document say of every refusal that it is `application/problem+json`."""
    told = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path in document["paths"].values():
        for operation in path.values():
            refusals = (answer for code, answer in operation["responses"].items() if int(code) >= 400)
            for answer in refusals:
                answer["content"] = told


def install(
    app: FastAPI,
    invalid: Callable[[Request, RequestValidationError], Problem],
    page: Callable[[Problem], Response],
) -> None:
    """Have every failure answered so: `invalid` puts a request that does not validate into words.

    A browser that asks for what is not there, or is cut off, is shown a `page`.
    """

    @app.exception_handler(RewardsmithError)
    async def _ours(request: Request, error: RewardsmithError) -> Response:
        found = of_error(error)
        if isinstance(error, UnknownName) and request.method == "POST" and error.kind != "run":
            found = found.model_copy(update={"status": 422})
        if isinstance(error, InfrastructureError):
            _LOG.warning("%s %s: %s", request.method, request.url.path, error.message)
        return respond(found)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        return respond(invalid(request, error))

    @app.exception_handler(HTTPException)
    async def _plain(request: Request, error: HTTPException) -> Response:
        phrase = HTTPStatus(error.status_code).phrase.lower()
        missing = error.status_code == HTTPStatus.NOT_FOUND
        if missing and _by_a_browser(request):
            return page(problem(phrase, error.status_code, "there is no such page"))
        slashed = missing and request.url.path.endswith("/")
        remedy = "no path of this server ends in a slash" if slashed else ""
        return respond(problem(phrase, error.status_code, one_line(str(error.detail)), remedy=remedy))

    @app.exception_handler(ClientDisconnect)
    async def _cut_off(request: Request, _error: ClientDisconnect) -> Response:
        found = problem("request timeout", 408, "the request did not come to its end", remedy="send it again")
        return page(found) if _by_a_browser(request) else respond(found)

    @app.exception_handler(Exception)
    async def _fault(_request: Request, error: Exception) -> Response:
        detail = f"{type(error).__name__} in rewardsmith itself; the server's log has more"
        return respond(problem("internal error", 500, detail))


def _by_a_browser(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/v1/")
