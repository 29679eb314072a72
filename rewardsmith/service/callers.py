"""Who asks: found from the key or the session that a request carries, before anything else reads it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from urllib.parse import quote

from anyio import to_thread
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response

from rewardsmith.domain.key import EVERYONE, Caller
from rewardsmith.errors import KeyNeeded, LimitReached, NotAllowed, UsageError
from rewardsmith.service.pages.rendering import refused
from rewardsmith.service.problems import of_error, respond
from rewardsmith.store.keys import Keys

COOKIE = "rewardsmith"
"""Holds the session of who logged in at the pages."""
_OPEN = ("/healthz", "/login", "/static/")
"""Served to anybody; what ends in a slash is a folder of files that hold nothing of any run."""
_SAFE = {"GET", "HEAD"}
_ANYONES = {"/logout"}
"""Asked for by POST, and for readers too."""
_STRANGERS = 60
"""Refused requests per minute from one address, above which it is told to wait."""

_STREAMS = 200
"""Most streams that one key, or all who need none, have open at one server."""
_LOOK_S = 10.0
"""How often an open stream is asked whether its caller is still good."""


class Callers:
    """Lets requests in by the keys of one database."""

    def __init__(self, keys: Keys, *, always: bool, clock: Callable[[], float] = time.monotonic) -> None:
        """Look for keys in `keys`.

        Args:
            keys: The keys.
            always: Whether a key is needed even where none was ever made.
            clock: Seconds.
        """
        self._keys = keys
        self._always = always
        self._clock = clock
        self._rates = Rates(clock)
        self._watching: Counter[str] = Counter()

    async def needed(self) -> bool:
        """Whether nobody is served without a key: from when the first was made, and for good."""
        self._always = self._always or await to_thread.run_sync(self._keys.any)
        return self._always

    async def admit(self, request: HTTPConnection) -> Response | None:
        """Find who asks, and put it into `request.state.caller`; the answer to who is not let in."""
        path, method = request.scope["path"], request.scope["method"]
        if path in _OPEN or path.startswith(tuple(place for place in _OPEN if place.endswith("/"))):
            return None
        caller = await to_thread.run_sync(self._caller, request) if await self.needed() else EVERYONE
        if caller is None:
            return self._unknown(request)
        most = caller.limits.requests_per_minute
        if most and (wait_s := self._rates.wait(caller.name, most)):
            return _too_many(request, f"the key {caller.name} has {most} requests a minute", wait_s)
        if caller.scope == "read" and method not in _SAFE and path not in _ANYONES:
            return _refused(request, not_allowed(caller))
        request.state.caller = caller
        return None

    async def while_good(self, request: HTTPConnection, pieces: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
        """Pass on an answer that takes long, until its caller's key is revoked or the session ends."""
        looked, name = self._clock(), request.state.caller.name
        self._watching[name] += 1
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    if self._clock() - looked >= _LOOK_S:
                        if await self.needed() and await to_thread.run_sync(self._caller, request) is None:
                            return
                        looked = self._clock()
                    yield piece
        finally:
            self._watching[name] -= 1

    def check_streams(self, caller: Caller) -> None:
        """Raise LimitReached where the caller has as many streams open as anybody may."""
        if self._watching[caller.name] >= _STREAMS:
            words = f"{_STREAMS} streams are open already"
            raise LimitReached(words, wait_s=_LOOK_S, hint="close one; a stream goes on with Last-Event-ID")

    def _caller(self, request: HTTPConnection) -> Caller | None:
        kind, _, secret = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self._keys.caller(secret.strip())
        session = request.cookies.get(COOKIE)
        return self._keys.logged_in(session) if session else None

    def _unknown(self, request: HTTPConnection) -> Response:
        if _wants_page(request) and request.scope["method"] in _SAFE and "hx-request" not in request.headers:
            asked = request.scope["path"] + "?" + request.scope["query_string"].decode("ascii", "replace")
            return RedirectResponse(f"/login?next={quote(asked.removesuffix('?'))}", 303)
        if wait_s := self.stranger(request):
            return _too_many(request, "too many requests without a key from this address", wait_s)
        given = "authorization" in request.headers
        answer = _refused(
            request,
            KeyNeeded(
                "the key is unknown, or was revoked" if given else "this server is asked with a key",
                hint="send one as Authorization: Bearer rsk_...; `rewardsmith keys add NAME` on the server makes one",
            ),
        )
        answer.headers["hx-refresh"] = "true"  # a page whose session ended asks anew, and is led to the login
        return answer

    def stranger(self, request: HTTPConnection) -> float:
        """Count a request that nobody good for it made; seconds that its address has to wait, 0 for none."""
        return self._rates.wait(f"/{request.client.host if request.client else ''}", _STRANGERS)


class Rates:
    """How many requests a minute each caller makes, by one number each: when its allowance will be whole again."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._whole: dict[str, float] = {}

    def wait(self, who: str, per_minute: int) -> float:
        """Count one request of `who`; seconds to wait where that is one too many, and it does not count, else 0."""
        now = self._clock()
        if len(self._whole) > 10_000:
            self._whole = {name: at for name, at in self._whole.items() if at > now}
        whole = max(now, self._whole.get(who, 0.0)) + 60 / per_minute
        if whole - now > 60 + 1e-9:
            return whole - now - 60
        self._whole[who] = whole
        return 0.0


def not_allowed(caller: Caller) -> NotAllowed:
    """What a caller is told whose scope is too narrow."""
    may = "read" if caller.scope == "read" else "see and change its own runs"
    return NotAllowed(
        f"the key {caller.name} may {may}, and no more",
        hint="ask for a wider one: `rewardsmith keys add NAME --scope submit|admin` on the server",
    )


def _wants_page(request: HTTPConnection) -> bool:
    return "text/html" in request.headers.get("accept", "") and not request.scope["path"].startswith("/v1/")


def _too_many(request: HTTPConnection, detail: str, wait_s: float) -> Response:
    return _refused(request, LimitReached(detail, wait_s=wait_s, hint="wait as long as Retry-After says"))


def _refused(request: HTTPConnection, error: UsageError) -> Response:
    found = of_error(error)
    return refused(found) if _wants_page(request) else respond(found)
