"""Every page of the service, and the files that pages are made of: styles, scripts, the mark."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from rewardsmith.reports.templating import TEMPLATES
from rewardsmith.service.pages import asking, comparing, tasks, watching

_KEEP = {"cache-control": "no-cache"}
"""A browser may keep them, and asks whether they have changed."""

routes = APIRouter(include_in_schema=False)


class _Kept(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        answer.headers.update(_KEEP)
        return answer


@routes.get("/static/report.css")
def style() -> Response:
    """The report's styles, which the pages share."""
    return FileResponse(TEMPLATES / "report.css", headers=_KEEP)


def mount(app: FastAPI) -> None:
    """Have the application show the pages."""
    for each in (watching.routes, asking.routes, tasks.routes, comparing.routes, routes):
        app.include_router(each)
    app.mount("/static", _Kept(directory=Path(__file__).parent / "static"))
