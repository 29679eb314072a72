"""Logging in at the pages: a key is exchanged for a session, whose cookie no script and no other site can use."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qs, urlencode

from anyio import to_thread
from fastapi import APIRouter, Cookie, Query, Request
from starlette.responses import RedirectResponse, Response

from rewardsmith.errors import LimitReached
from rewardsmith.service.asked import TheDesk
from rewardsmith.service.callers import COOKIE, Callers
from rewardsmith.service.pages.rendering import PageRoute, show
from rewardsmith.store.keys import SESSION_S

routes = APIRouter(route_class=PageRoute, include_in_schema=False)

_Place = Annotated[str, Query(max_length=4000)]
_Session = Annotated[str, Cookie(alias=COOKIE)]


@routes.get("/login")
def page(*, next: _Place = "/", refused: bool = False, session: _Session = "") -> Response:  # noqa: A002
    """Where a key is asked for; the form is sent to the address that it stands under, so `next` is kept.

    Who follows a link of another site comes here although logged in, as the cookie is not sent then; a link leads on.
    """
    return show("login", refused=refused, known=bool(session), on=next if _is_ours(next) and next != "/" else None)


@routes.post("/login")
async def log_in(desk: TheDesk, request: Request, next: _Place = "/") -> Response:  # noqa: A002
    """Exchange the form's `key` for a session, and lead to `next`; back to the form where the key is none."""
    callers: Callers = request.app.state.callers
    if wait_s := callers.stranger(request):
        raise LimitReached("too many logins from this address", wait_s=wait_s, hint="wait a minute")
    form = parse_qs((await request.body()).decode(errors="replace"))
    session = await to_thread.run_sync(desk.workshop.store.keys.log_in, form.get("key", [""])[0].strip())
    if session is None:
        return RedirectResponse(f"/login?{urlencode({'next': next, 'refused': 1})}", 303)
    answer = RedirectResponse(next if _is_ours(next) else "/", 303)
    secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, session, max_age=int(SESSION_S), httponly=True, samesite="strict", secure=secure)
    return answer


@routes.post("/logout")
def log_out(desk: TheDesk, session: _Session = "") -> Response:
    """End the session."""
    desk.workshop.store.keys.log_out(session)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


def _is_ours(place: str) -> bool:
    """Whether it is a path of this server; browsers take two slashes, of either kind, for another."""
    return place.startswith("/") and place[1:2] not in ("/", "\\") and place.isprintable()
