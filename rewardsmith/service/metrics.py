"""What the service counts, as Prometheus reads it.

Runs, the queue and what was spent come from the store, and are the same at every server of one database; requests,
streams and the process are the server's own, and are summed over servers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rewardsmith import __version__
from rewardsmith.app import Workshop
from rewardsmith.domain.prompt import Usage
from rewardsmith.domain.result import Status
from rewardsmith.domain.run import ENDED
from rewardsmith.errors import UsageError
from rewardsmith.search.results import status_of
from rewardsmith.service.asked import Admin

routes = APIRouter(tags=["health"])

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_STATES: tuple[Status, ...] = ("queued", "running", "paused", "done", "failed", "cancelled")
_SPENT = {
    "trainings": "Trainings that ended with a result.",
    "steps": "Environment steps, scoring too.",
    "tokens": "Tokens of prompts and answers.",
    "dollars": "Money paid to providers, as far as prices are known.",
}


@routes.get("/metrics", response_class=Response, responses={200: {"content": {CONTENT_TYPE_PLAIN_0_0_4: {}}}})
def metrics(_admin: Admin, request: Request) -> Response:
    """What Prometheus reads; for keys of the scope `admin`."""
    return Response(generate_latest(request.app.state.registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)


def registry_of(workshop: Workshop) -> CollectorRegistry:
    """A registry with what the store tells, this process, and the version."""
    registry = CollectorRegistry()
    registry.register(_Books(workshop))
    ProcessCollector(registry=registry)
    Info("rewardsmith_build", "The version that serves.", registry=registry).info({"version": __version__})
    return registry


class _Books(Collector):
    """Reads the runs at each scrape; those that have ended are read once."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._ended: dict[str, tuple[Status, Usage, int]] = {}

    def collect(self) -> Iterator[Metric]:
        """Every number of the store."""
        told = self._told()
        runs = GaugeMetricFamily("rewardsmith_runs", "Runs by status.", labels=["status"])
        for state in _STATES:
            runs.add_metric([state], sum(status == state for status, _, _ in told))
        yield runs
        stands = self._workshop.store.queue.standing()
        yield GaugeMetricFamily("rewardsmith_queue_waiting", "Queued runs that nobody drives.", stands.waiting)
        yield GaugeMetricFamily("rewardsmith_queue_driven", "Queued runs that are driven now.", len(stands.drivers))
        trains = sum(count for _, _, count in told)
        yield GaugeMetricFamily("rewardsmith_trainings_open", "Trainings that were started and have not ended.", trains)
        for name, what in _SPENT.items():
            spent = sum(getattr(usage, name) for _, usage, _ in told)
            yield CounterMetricFamily(f"rewardsmith_{name}", what, spent)

    def _told(self) -> list[tuple[Status, Usage, int]]:
        """Status, usage and open trainings of every run that began."""
        found = []
        for row in self._workshop.store.runs():
            told = self._ended.get(row.id)
            if told is None:
                try:
                    run = self._workshop.run(row.id)
                except UsageError:  # killed before it began
                    continue
                told = status_of(run, waits=row.waits), run.usage(), len(run.open)
                if run.status in ENDED:
                    self._ended[row.id] = told
            found.append(told)
        return found


class Meter:
    """Counts what passes to `app` and how long each answer takes to begin, by route, method and status."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._requests = Counter(
            "rewardsmith_requests",
            "Requests that were answered.",
            ["route", "method", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "rewardsmith_request_seconds",
            "Seconds until an answer begins.",
            ["route"],
            registry=registry,
        )
        self._streams = Gauge("rewardsmith_streams_open", "Streams of events that are open.", registry=registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, streams = time.perf_counter(), False

        async def counted(message: Message) -> None:
            nonlocal streams
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "none")
                method = scope["method"] if scope["method"] in _METHODS else "other"
                self._requests.labels(route, method, message["status"]).inc()
                self._seconds.labels(route).observe(time.perf_counter() - begun)
                kind = dict(message.get("headers", ())).get(b"content-type", b"")
                if kind.startswith(b"text/event-stream"):
                    streams = True
                    self._streams.inc()
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            if streams:
                self._streams.dec()
