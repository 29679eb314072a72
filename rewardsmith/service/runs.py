"""Runs: submitted, listed, cancelled, resumed, watched, and what they found."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Header, Query, Request, Response
from starlette.responses import HTMLResponse, StreamingResponse

from rewardsmith.domain.request import CandidateSummary, FeedbackRequest, FeedbackTicket, RunPage, RunRequest, RunTicket
from rewardsmith.domain.result import Best, CandidateResult, RunResult, Status
from rewardsmith.domain.run import ENDED
from rewardsmith.search.chosen import find_best
from rewardsmith.service.asked import CandidateId, RunId, TheCaller, TheDesk
from rewardsmith.service.callers import Callers
from rewardsmith.service.files import Code
from rewardsmith.service.line import Line
from rewardsmith.service.streaming import stream

routes = APIRouter(prefix="/v1/runs", tags=["runs"])

_Key = Annotated[str | None, Header(min_length=1, max_length=200, pattern=r"^[!-~]+$")]
_Seen = Annotated[int, Header(alias="Last-Event-ID", ge=0, le=2**62)]

_After = Annotated[int, Query(ge=0, le=2**62)]


class _Events(StreamingResponse):
    media_type = "text/event-stream"


@routes.post("", status_code=202)
async def submit(
    asked: RunRequest, desk: TheDesk, caller: TheCaller, request: Request, idempotency_key: _Key = None
) -> RunTicket:
    """Queue a run, once it is known that it can be carried out.

    A task that the server never surveyed is surveyed first, which takes some seconds. A request with a task of its own
    waits in the line of those, so that it keeps nobody else waiting.
    """
    if not isinstance(asked.task, str):
        line: Line = request.app.state.line
        return await line.do(caller, partial(desk.submit, asked, caller, idempotency_key))
    return await to_thread.run_sync(desk.submit, asked, caller, idempotency_key, limiter=request.app.state.submitting)


@routes.get("")
def page(
    desk: TheDesk,
    caller: TheCaller,
    status: Status | None = None,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> RunPage:
    """The caller's runs, the newest first; everyone's where an admin asks."""
    found = desk.page(caller, status, cursor, limit + 1)
    return RunPage(runs=tuple(found[:limit]), next=found[limit - 1].run if len(found) > limit else None)


@routes.get("/{run}")
def result(run: RunId, desk: TheDesk) -> RunResult:
    """Where a run stands; what `rewardsmith show` prints as JSON."""
    return desk.workshop.result(run)


@routes.post("/{run}/cancel", status_code=202)
def cancel(run: RunId, desk: TheDesk) -> RunTicket:
    """Cancel a run for good; its driver ends it within about a second."""
    return desk.cancel(run)


@routes.post("/{run}/resume", status_code=202)
def resume(run: RunId, desk: TheDesk) -> RunTicket:
    """Queue a run that is paused, or was killed."""
    return desk.resume(run)


@routes.post("/{run}/feedback", status_code=202)
def feedback(run: RunId, asked: FeedbackRequest, desk: TheDesk) -> FeedbackTicket:
    """Say something about a run, or one of its candidates: the next generation's prompts tell of it."""
    return desk.feedback(run, asked)


@routes.get("/{run}/candidates")
def candidates(run: RunId, desk: TheDesk) -> list[CandidateSummary]:
    """Every candidate so far, without its code."""
    told = desk.workshop.run(run)
    return [CandidateSummary.of(told, turn.candidate) for turn in told.turns()]


@routes.get("/{run}/candidates/{candidate}")
def candidate(run: RunId, candidate: CandidateId, desk: TheDesk) -> CandidateResult:
    """All of one candidate: its code, what its training gave, what was said of it."""
    return desk.workshop.candidate(run, candidate)


@routes.get("/{run}/best")
def best(run: RunId, desk: TheDesk) -> Best:
    """The reward that the run stands by so far."""
    return find_best(desk.workshop.result(run))


@routes.get("/{run}/best/reward.py", response_class=Code)
def reward(run: RunId, desk: TheDesk) -> Response:
    """The same as one file that needs numpy, gymnasium and the environment's own simulator, not rewardsmith."""
    text = desk.workshop.export(run, find_best(desk.workshop.result(run)).candidate)
    return Code(text)


@routes.get("/{run}/report.html", response_class=HTMLResponse)
def report(run: RunId, desk: TheDesk) -> Response:
    """The run's report as it stands now: one page that needs nothing else."""
    return HTMLResponse(desk.workshop.report_as("report.html", run))


@routes.get("/{run}/events", response_class=_Events, responses={204: {"description": "Nothing is left to tell."}})
async def events(run: RunId, desk: TheDesk, request: Request, last_event_id: _Seen = 0, after: _After = 0) -> Response:
    """The run's events from its first, or from behind `Last-Event-ID` or `after`, as they come; ends with the run.

    Each event's id is its id in the log. 204 where the run has ended and nothing is left to tell.
    """
    row = await to_thread.run_sync(desk.workshop.store.row, run)
    seen = min(max(last_event_id, after), row.last_event)
    if seen == row.last_event and (await to_thread.run_sync(desk.workshop.run, run)).status in ENDED:
        return Response(status_code=204)
    callers: Callers = request.app.state.callers
    callers.check_streams(request.state.caller)
    return _Events(callers.while_good(request, stream(request.app.state.tail, run, seen)))
