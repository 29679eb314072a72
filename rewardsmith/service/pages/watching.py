"""The pages of runs: all of them, one of them, one candidate; and what is done to a run from there."""

from __future__ import annotations

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from rewardsmith.domain.request import FeedbackRequest
from rewardsmith.domain.result import Status
from rewardsmith.domain.run import ENDED
from rewardsmith.reports.board import board
from rewardsmith.reports.components import COMPONENTS
from rewardsmith.reports.costs import asides, cost_rows, shares
from rewardsmith.reports.curves import learning_curves
from rewardsmith.reports.film import film_file
from rewardsmith.reports.happened import happened
from rewardsmith.reports.lineage import lineage
from rewardsmith.reports.remarks import remarks
from rewardsmith.reports.scores import beats, score_rows
from rewardsmith.reports.standing import standing
from rewardsmith.search.chosen import find_candidate
from rewardsmith.service.asked import CandidateId, RunId, TheCaller, TheDesk
from rewardsmith.service.pages.forms import checked, fields_of
from rewardsmith.service.pages.lines import line
from rewardsmith.service.pages.pictures import chart
from rewardsmith.service.pages.rendering import PageRoute, show
from rewardsmith.service.pages.sheet import sheet
from rewardsmith.service.pages.stages import generations, under_way

routes = APIRouter(route_class=PageRoute, include_in_schema=False)

_STATUSES: tuple[Status, ...] = ("queued", "running", "paused", "done", "failed", "cancelled")
_LINES = 25
_EVENTS = 400
"""How far back in the log the page of a run looks for what happened last."""


@routes.get("/")
def runs(
    desk: TheDesk,
    caller: TheCaller,
    status: Status | None = None,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """The runs, the newest first."""
    found = desk.page(caller, status, cursor, _LINES + 1)
    lines = [line(each, desk.workshop.run(each.run)) for each in found[:_LINES]]
    after = found[_LINES - 1].run if len(found) > _LINES else None
    return show("runs", lines=lines, status=status, statuses=_STATUSES, cursor=cursor, after=after)


@routes.get("/runs/{run}")
def run(run: RunId, desk: TheDesk) -> Response:
    """One run as it stands now."""
    told, result = desk.workshop.run(run), desk.workshop.result(run)
    assert told.spec is not None
    place, shown, survey = f"/runs/{run}", board(told), desk.workshop.survey_of(told)
    best = result.best.candidate if result.best else None
    log = desk.workshop.store.events(run, after=max(0, told.last_event - _EVENTS))
    return show(
        "run",
        run=told,
        spec=told.spec,
        result=result,
        place=place,
        board=shown,
        ended=result.status in ENDED,
        chart=chart(told, result, place),
        standing=standing(told, result),
        rows=score_rows(result, sparse_kind=survey.sparse_kind if survey else None),
        verdict=beats(result),
        generations=generations(told, shown, best),
        work=under_way(told),
        tree=lineage(told, result, f"{place}/candidates/{{}}"),
        curves=learning_curves(told, result),
        costs=cost_rows(told),
        shares=shares(told),
        asides=asides(told),
        remarks=remarks(told),
        film=best is not None and film_file(desk.workshop.folder(run), best) is not None,
        log=[(each, said) for each in reversed(log) if (said := happened(each.event, told))][:60],
    )


@routes.get("/runs/{run}/candidates/{candidate}")
def candidate(run: RunId, candidate: CandidateId, desk: TheDesk) -> Response:
    """All of one candidate."""
    told = desk.workshop.run(run)
    found = sheet(told, find_candidate(told, candidate), desk.workshop.folder(run))
    return show(
        "candidate",
        run=run,
        spec=told.spec,
        known=told.candidates,
        ended=told.status in ENDED,
        sheet=found,
        header=COMPONENTS,
    )


@routes.post("/runs/{run}/feedback")
async def feedback(run: RunId, desk: TheDesk, request: Request) -> Response:
    """Pass a person's words on to the run and show it."""
    given = {name: values[0] for name, values in (await fields_of(request)).items()}
    await to_thread.run_sync(desk.feedback, run, checked(FeedbackRequest, given))
    return RedirectResponse(f"/runs/{run}#said", 303)


@routes.post("/runs/{run}/cancel")
def cancel(run: RunId, desk: TheDesk) -> Response:
    """Cancel the run and show it."""
    desk.cancel(run)
    return RedirectResponse(f"/runs/{run}", 303)


@routes.post("/runs/{run}/resume")
def resume(run: RunId, desk: TheDesk) -> Response:
    """Queue the run again and show it."""
    desk.resume(run)
    return RedirectResponse(f"/runs/{run}", 303)
