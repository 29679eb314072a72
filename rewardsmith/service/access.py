"""A line per request on standard error: who asked for what, and how that was answered. No query, no header, no key."""

from __future__ import annotations

import re
import sys
import time
from datetime import UTC, datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rewardsmith.domain.key import Caller
from rewardsmith.errors import one_line
from rewardsmith.store.keys import PREFIX

_KEY = re.compile(re.escape(PREFIX) + r"[\w-]*")


class AccessLog:
    """Writes a line for what `app` answers, once it is answered in full."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status, sent = time.perf_counter(), 0, 0

        async def noted(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            print(_line(scope, status, sent, time.perf_counter() - begun), file=sys.stderr)


def _line(scope: Scope, status: int, sent: int, seconds: float) -> str:
    """`2026-01-31T12:00:00Z 127.0.0.1 ann GET /v1/runs 200 1532 B 3 ms`; `-` where nobody is known."""
    caller: Caller | None = scope.get("state", {}).get("caller")
    who = caller.name if caller and caller.name else "-"
    where = one_line(scope["client"][0], 50) if scope["client"] else "-"
    what = one_line(_KEY.sub(f"{PREFIX}...", f"{scope['method']} {scope['path']}"), 200)
    when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{when} {where} {who} {what} {status} {sent} B {1000 * seconds:.0f} ms"
