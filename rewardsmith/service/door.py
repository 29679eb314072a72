"""The door: what a request must be before anything reads it, and the headers of every answer.

Without keys whoever reaches the port is served, so no other web page may reach it through somebody's browser: neither
under a name that leads here (DNS rebinding), nor with a form of its own (its `Origin` is another). With keys the server
may be reached under any name: a page that leads its own name here has no key to send, and no session, because a cookie
belongs to the name under which it was given.
"""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rewardsmith.domain.request import Problem
from rewardsmith.errors import DatabaseAway, StoreError
from rewardsmith.service.callers import Callers
from rewardsmith.service.patience import promptly
from rewardsmith.service.problems import of_error, problem, respond

_LOG = logging.getLogger(__name__)
BODY_BYTES = 64 * 1024
"""Most bytes of a body."""
LOCAL = {"127.0.0.1", "localhost", "::1"}
"""Names under which a server on loopback is asked."""
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}

_ENDS = problem("server ends", 503, "the server ends, and does not wait for this answer", remedy="try again", wait_s=10)


class Door:
    """Refuses strangers, and bodies that say they are too large; everything else is led to `app`."""

    def __init__(self, app: ASGIApp, callers: Callers) -> None:
        self._app = app
        self._callers = callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        if scope["method"] == "HEAD" and not scope["path"].endswith("/events"):
            scope = {**scope, "method": "GET"}  # the server leaves the body out

        begun = False

        async def secured(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            answer = await self._look(scope)
            await (answer or self._app)(scope, promptly(receive), secured)
        except asyncio.CancelledError:  # the server ends, and has waited long enough
            if not begun:
                await respond(_ENDS)(scope, receive, secured)

    async def _look(self, scope: Scope) -> Response | None:
        """What a request is answered that is not let in, or that cannot be looked at."""
        try:
            return await self._answer(HTTPConnection(scope))
        except StoreError as error:
            _LOG.warning("who asks cannot be looked up: %s", error.message)
            away = isinstance(error, DatabaseAway)
            told = error if away else StoreError("who asks cannot be looked up now", hint="try again")
            return respond(of_error(told))

    async def _answer(self, request: HTTPConnection) -> Response | None:
        """What a request is answered that is not let in."""
        if _name(f"//{request.headers.get('host', '')}") not in LOCAL and not await self._callers.needed():
            detail = "this server is asked as 127.0.0.1 or localhost only"
            return respond(
                problem("wrong host", 403, detail, remedy="it has no keys yet, and serves its machine alone")
            )
        if refused := _refused(request.headers):
            return respond(refused)
        return await self._callers.admit(request)


def _refused(headers: Headers) -> Problem | None:
    origin = headers.get("origin")
    if origin is not None and _netloc(f"//{headers.get('host', '')}") != _netloc(origin):
        return problem("wrong origin", 403, "pages of other sites may not use this server")
    said = headers.get("content-length", "0")
    if said.isdigit() and int(said) > BODY_BYTES:
        return problem("content too large", 413, f"a body has at most {BODY_BYTES} bytes, not {said}")
    return None


def _name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _netloc(url: str) -> str | None:
    try:
        return urlsplit(url).netloc
    except ValueError:
        return None
