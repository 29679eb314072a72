"""What Prometheus reads is what happened."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families
from service_server import TINY, Server, wait_for


def scraped(server: Server) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample by name and labels."""
    answer = server.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.text)
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def value(samples, name: str, **labels: str) -> float:
    return samples.get((f"rewardsmith_{name}", frozenset(labels.items())), 0.0)


def test_runs_and_what_they_spent_are_those_of_the_store(server, finished):
    def listed(status: str) -> int:
        return len(server.client.get("/v1/runs", params={"status": status, "limit": 200}).json()["runs"])

    earlier = {status: listed(status) for status in ("failed", "cancelled")}
    samples = scraped(server)
    for status, runs in earlier.items():
        assert runs <= value(samples, "runs", status=status) <= listed(status)
    usage = server.client.get(f"/v1/runs/{finished}").json()["usage"]
    assert value(samples, "runs", status="done") >= 1
    assert value(samples, "steps_total") >= usage["steps"] > 0
    assert value(samples, "trainings_total") >= usage["trainings"] > 0
    assert value(samples, "build_info", version="0.1.0") == 1
    for run in [server.submit(TINY) for _ in range(2)]:
        server.client.post(f"/v1/runs/{run}/cancel")
    wait_for(lambda: value(scraped(server), "runs", status="cancelled") >= earlier["cancelled"] + 2)


def test_requests_are_counted_by_route_not_by_path(server, finished):
    before = scraped(server)
    for run in (finished, "nobody", "no-one"):
        server.client.get(f"/v1/runs/{run}")
    server.client.get("/nowhere/at/all")
    server.client.request("BREW", "/v1/runs")
    after = scraped(server)

    def more(**labels: str) -> float:
        return value(after, "requests_total", **labels) - value(before, "requests_total", **labels)

    assert more(route="/v1/runs/{run}", method="GET", status="200") == 1
    assert more(route="/v1/runs/{run}", method="GET", status="404") == 2
    assert more(route="none", method="GET", status="404") == 1
    assert more(route="/v1/runs", method="other", status="405") == 1
    assert not any("nobody" in str(labels) for _, labels in after)
    seconds = [value(each, "request_seconds_count", route="/v1/runs/{run}") for each in (before, after)]
    assert seconds[1] - seconds[0] == 3


def test_open_streams_are_counted_while_they_are_open(server):
    wait_for(lambda: value(scraped(server), "streams_open") == 0)
    run = server.submit(TINY)
    with server.client.stream("GET", f"/v1/runs/{run}/events") as stream:
        lines = stream.iter_lines()
        next(lines)
        assert value(scraped(server), "streams_open") == 1
    server.client.post(f"/v1/runs/{run}/cancel")
    wait_for(lambda: value(scraped(server), "streams_open") == 0)
