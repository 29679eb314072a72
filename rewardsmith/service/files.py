"""Files of a run: the code and the film of a candidate, the report as text, the log."""

from __future__ import annotations

from fastapi import APIRouter, Response
from starlette.responses import FileResponse, PlainTextResponse

from rewardsmith.domain.events import StoredEvent
from rewardsmith.errors import NotYet
from rewardsmith.reports.film import film_file
from rewardsmith.search.chosen import find_best, find_candidate
from rewardsmith.service.asked import CandidateId, RunId, TheDesk
from rewardsmith.service.desk import Desk

routes = APIRouter(prefix="/v1/runs", tags=["runs"])


class Code(PlainTextResponse):
    """Python."""

    media_type = "text/x-python"


class _Story(PlainTextResponse):
    media_type = "text/markdown"


class _Film(FileResponse):
    media_type = "video/mp4"


@routes.get("/{run}/candidates/{candidate}/reward.py", response_class=Code)
def reward(run: RunId, candidate: CandidateId, desk: TheDesk) -> Response:
    """A candidate's reward as one file that needs numpy, gymnasium and the environment's own simulator."""
    chosen = find_candidate(desk.workshop.run(run), candidate)
    return Code(desk.workshop.export(run, chosen.id))


@routes.get("/{run}/video.mp4", response_class=_Film, responses={206: {"content": {"video/mp4": {}}}})
def best_film(run: RunId, desk: TheDesk) -> Response:
    """The film of the reward that the run stands by, where there is one; parts of it by `Range`."""
    return _film(desk, run, find_best(desk.workshop.result(run)).candidate)


@routes.get(
    "/{run}/candidates/{candidate}/video.mp4", response_class=_Film, responses={206: {"content": {"video/mp4": {}}}}
)
def film(run: RunId, candidate: CandidateId, desk: TheDesk) -> Response:
    """The film of a candidate's policy, where there is one; parts of it by `Range`."""
    return _film(desk, run, find_candidate(desk.workshop.run(run), candidate).id)


@routes.get("/{run}/report.md", response_class=_Story)
def story(run: RunId, desk: TheDesk) -> Response:
    """The run's report as it stands now, as Markdown."""
    return _Story(desk.workshop.report_as("report.md", run))


@routes.get("/{run}/events.json")
def log(run: RunId, desk: TheDesk) -> list[StoredEvent]:
    """The run's events so far, at once."""
    desk.workshop.run(run)
    return desk.workshop.store.events(run)


def _film(desk: Desk, run: str, candidate: str) -> Response:
    path = film_file(desk.workshop.folder(run), candidate)
    if path is None:
        hint = f"`rewardsmith video {run} {candidate}` on the server makes one"
        raise NotYet(f"there is no film of {candidate} of run {run}", hint=hint)
    return _Film(path)
