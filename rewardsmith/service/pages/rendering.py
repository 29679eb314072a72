"""Pages as answers: a template with what it shows, and the headers that let nothing but our own files run."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from rewardsmith import __version__
from rewardsmith.domain.request import Problem
from rewardsmith.errors import RewardsmithError
from rewardsmith.reports.templating import environment
from rewardsmith.reports.words import duration
from rewardsmith.service.problems import headers_of, of_error, problem

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; "
        "img-src 'self' data:; media-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "same-origin",
}
"""A page runs scripts of the server's own files alone, asks nobody else for anything, and says to the server alone from
where its forms come."""


def show(template: str, *, code: int = 200, **shown: Any) -> Response:
    """A page."""
    text = _templates().get_template(f"{template}.html.j2").render(version=__version__, **shown)
    return HTMLResponse(text.encode("utf-8", errors="replace"), code, HEADERS)


class PageRoute(APIRoute):
    """A route whose failures are pages too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Answer as the route does, and a failure in words."""
        answer = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await answer(request)
            except RewardsmithError as error:
                return refused(of_error(error))
            except RequestValidationError:
                return refused(problem("not found", 404, "there is no such page"))

        return answered


def refused(found: Problem) -> Response:
    """What went wrong, as a page."""
    answer = show("problem", code=found.status, problem=found)
    answer.headers.update(headers_of(found))
    return answer


@functools.cache
def _templates() -> Environment:
    made = environment(Path(__file__).parent / "templates")
    made.filters |= {"ago": _ago, "at": _at, "short": _short, "percent": "{:.0%}".format}
    return made


def _ago(seconds: float) -> str:
    """How long ago a time since 1970 was."""
    return f"{duration(max(0.0, time.time() - seconds))} ago"


def _at(seconds: float) -> str:
    """A time since 1970 as ISO 8601, which HTML wants."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _short(text: str, most: int = 80) -> str:
    """The beginning of a text that may be long."""
    return text if len(text) <= most else text[: most - 1] + "…"
