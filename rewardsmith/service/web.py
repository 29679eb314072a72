"""The REST interface and the pages, as one application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio import CapacityLimiter
from fastapi import FastAPI
from starlette.types import ASGIApp

from rewardsmith import __version__
from rewardsmith.domain.request import Problem
from rewardsmith.service import catalogue, checks, files, health, login, metrics, problems, runs
from rewardsmith.service.callers import Callers
from rewardsmith.service.desk import Desk
from rewardsmith.service.door import BODY_BYTES, Door
from rewardsmith.service.drivers import Drivers
from rewardsmith.service.line import Line
from rewardsmith.service.pages import mounting
from rewardsmith.service.pages.rendering import refused
from rewardsmith.service.refusing import invalid
from rewardsmith.service.streaming import EVENT_SCHEMA
from rewardsmith.service.tail import Tail


class _Described(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """The interface, and that a request carries a key where there are any."""
        document = super().openapi()
        problems.describe(document)
        stream = document["paths"]["/v1/runs/{run}/events"]["get"]["responses"]["200"]
        stream["content"]["text/event-stream"]["schema"] = EVENT_SCHEMA
        document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        return document | {"security": [{"key": []}, {}]}


def make_app(desk: Desk, drivers: Drivers, tail: Tail, *, locked: bool) -> ASGIApp:
    """The application; while it runs, `drivers` work on the queue and `tail` reads the log.

    Where `locked`, nobody enters without a key.
    """

    @asynccontextmanager
    async def working(app: FastAPI) -> AsyncIterator[None]:
        app.state.keeping = asyncio.create_task(drivers.keep())
        following = asyncio.create_task(tail.keep())
        try:
            yield
        finally:
            for task in (app.state.keeping, following):
                task.cancel()
            await asyncio.wait({app.state.keeping, following})
            await drivers.interrupt()

    app = _Described(
        title="rewardsmith",
        version=__version__,
        summary="Evolves reward functions: submit a task, watch it, get the reward code.",
        lifespan=working,
        max_body_size=BODY_BYTES,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses={code: {"model": Problem} for code in (400, 401, 403, 404, 409, 413, 422, 429, 503)},
    )
    desk.workshop.discreet = True
    app.state.registry = registry = metrics.registry_of(desk.workshop)
    app.state.callers = callers = Callers(desk.workshop.store.keys, always=locked)
    app.state.desk, app.state.submitting, app.state.line = desk, CapacityLimiter(1), Line()
    app.state.tail = tail
    problems.install(app, invalid, refused)
    for routes in (
        runs.routes,
        checks.routes,
        files.routes,
        catalogue.routes,
        health.routes,
        metrics.routes,
        login.routes,
    ):
        app.include_router(routes)
    mounting.mount(app)
    return metrics.Meter(Door(app, callers), registry)
