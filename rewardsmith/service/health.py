"""Whether the server lives, and whether it can work."""

from __future__ import annotations

from fastapi import APIRouter, Request

from rewardsmith.errors import InfrastructureError
from rewardsmith.service.asked import TheDesk

routes = APIRouter(tags=["health"])


@routes.get("/healthz")
async def healthz() -> dict[str, str]:
    """The server answers."""
    return {"status": "ok"}


@routes.get("/readyz")
def readyz(desk: TheDesk, request: Request) -> dict[str, str | int]:
    """The database answers and the queue is worked on; how many wait and are driven."""
    stands = desk.workshop.store.queue.standing()
    if request.app.state.keeping.done():
        raise InfrastructureError("nobody works on the queue", hint="start the server again")
    return {"status": "ok", "waiting": stands.waiting, "driven": len(stands.drivers)}
