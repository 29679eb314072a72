"""The page where a run is asked for: what it will take stands there before the button is pressed."""

from __future__ import annotations

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from rewardsmith.domain.plan import Plan, RunSpec
from rewardsmith.errors import InfrastructureError, UnknownName, UsageError
from rewardsmith.service.asked import TheCaller, TheDesk
from rewardsmith.service.desk import Desk
from rewardsmith.service.pages.forms import Fields, fields_of, run_request
from rewardsmith.service.pages.rendering import PageRoute, show

routes = APIRouter(route_class=PageRoute, include_in_schema=False)

_FIRST: Fields = {"task": ["ant"], "recipe": ["smith"], "budget": ["quick"], "baselines": ["human", "sparse"]}
"""What stands in the form at first."""


@routes.get("/new")
def new(desk: TheDesk, task: Annotated[str | None, Query(max_length=100)] = None) -> Response:
    """The form."""
    return _page(desk, _FIRST | ({"task": [task]} if task else {}))


@routes.post("/new")
async def ask(request: Request, desk: TheDesk, caller: TheCaller) -> Response:
    """Queue what the form asks for and show the run; with the field `estimate`, only say what it would take."""
    fields = await fields_of(request)
    only, alone = "estimate" in fields, request.app.state.submitting
    planned, refused, code = None, None, 200
    try:
        asked = run_request(fields)
        if not only:
            ticket = await to_thread.run_sync(desk.submit, asked, caller, limiter=alone)
            return RedirectResponse(f"/runs/{ticket.id}", 303)
        planned = await to_thread.run_sync(desk.estimate, asked, caller, limiter=alone)
    except (UsageError, InfrastructureError) as error:
        refused = error
        if not only:
            code = 422 if isinstance(error, UnknownName) else error.http_status
    return await to_thread.run_sync(_page, desk, fields, planned, refused, code)


def _page(
    desk: Desk,
    fields: Fields,
    planned: tuple[RunSpec, Plan] | None = None,
    error: UsageError | InfrastructureError | None = None,
    code: int = 200,
) -> Response:
    tasks = {task.name: task for task in desk.workshop.tasks()[0]}
    chosen = tasks.get(fields.get("task", [""])[0])
    return show(
        "new",
        code=code,
        tasks=tasks.values(),
        chosen=chosen,
        budgets=dict.fromkeys(name for task in tasks.values() for name in task.budgets),
        recipes=desk.workshop.recipes()[0],
        models=desk.models(),
        fields=fields,
        planned=planned,
        error=error,
        near=error.near if isinstance(error, UnknownName) else (),
        first="estimate" not in fields and error is None,
    )
