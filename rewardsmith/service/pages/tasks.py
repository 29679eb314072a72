"""The pages of tasks: what there is to learn, and what a reward may read there."""

from __future__ import annotations

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from rewardsmith.domain.task import Task
from rewardsmith.errors import UnknownName
from rewardsmith.service.asked import TheDesk
from rewardsmith.service.desk import Desk
from rewardsmith.service.pages.rendering import PageRoute, show

routes = APIRouter(route_class=PageRoute, include_in_schema=False)

PICTURE = "picture.jpg"
"""File of a task's folder that shows what it is about."""

PLAIN = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 3"/>'

_Name = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]


@routes.get("/tasks")
def tasks(desk: TheDesk) -> Response:
    """Every task with its picture."""
    found, faults = desk.workshop.tasks()
    return show("tasks", tasks=found, faults=faults)


@routes.get("/tasks/{name}")
def task(name: _Name, desk: TheDesk) -> Response:
    """One task with its signals, where it was surveyed."""
    found = _find(desk, name)
    return show("task", task=found, survey=desk.workshop.reading.survey_at_hand(found))


@routes.post("/tasks/{name}/survey")
async def survey(name: _Name, desk: TheDesk, request: Request) -> Response:
    """Survey a task and show it."""
    found = await to_thread.run_sync(_find, desk, name)
    await to_thread.run_sync(desk.workshop.survey, found, limiter=request.app.state.submitting)
    return RedirectResponse(f"/tasks/{name}", 303)


@routes.get("/tasks/{name}/picture.jpg")
def picture(name: _Name, desk: TheDesk) -> Response:
    """The picture of a task, a plain one where it has none."""
    files = desk.workshop.folders.files("envs", _find(desk, name).name)
    if PICTURE not in files:
        return Response(PLAIN, media_type="image/svg+xml")
    return FileResponse(files[PICTURE], media_type="image/jpeg", headers={"cache-control": "max-age=3600"})


def _find(desk: Desk, name: str) -> Task:
    """A task by name alone: a path would have the server read what lies there. Raises UnknownName."""
    known = desk.workshop.folders.members("envs")
    if name not in known:
        raise UnknownName("task", name, known)
    return desk.workshop.task(name)
