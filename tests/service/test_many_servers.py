"""Two servers share a database and a folder: each takes requests, and what one began the other goes on with."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from service_server import TINY, Server

from rewardsmith.store.store import Store


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The database that they share."""
    file = str(tmp_path / "runs" / "rewardsmith.db")
    return file if request.param == "sqlite" else str(request.getfixturevalue("postgres"))


@pytest.fixture
def store(place: str) -> Iterator[Store]:
    """The same, read past the servers."""
    opened = Store.open(place)
    yield opened
    opened.close()


def test_a_run_is_the_same_at_both(start, place, store):
    first: Server = start("--database", place)
    second: Server = start("--database", place)
    run = first.submit(TINY | {"steps": 1_000_000})
    listed = [server.client.get("/v1/runs").json()["runs"][0]["run"] for server in (first, second)]
    assert listed == [run, run]
    begun = [*itertools.islice(second.events(run), 2)]
    assert second.client.post(f"/v1/runs/{run}/cancel").status_code == 202
    seen = [*begun, *first.events(run, begun[-1]["id"])]
    assert seen[-1]["event"]["status"] == "cancelled"
    assert [event["id"] for event in seen] == [event.id for event in store.events(run)]
    assert seen == [*second.events(run)]


@pytest.mark.slow
def test_what_one_server_began_another_ends(start, place, store):
    first: Server = start("--database", place)
    second: Server = start("--database", place)
    runs = [first.submit(TINY), second.submit(TINY)]
    seen = [*itertools.islice(first.events(runs[0]), 4)]
    driver = store.row(runs[0]).owner
    assert driver is not None
    os.kill(driver.pid, signal.SIGKILL)
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    seen += second.events(runs[0], seen[-1]["id"])
    assert [*second.events(runs[1])][-1]["event"]["status"] == "done"
    assert [event["id"] for event in seen] == [event.id for event in store.events(runs[0])]
    assert seen[-1]["event"]["status"] == "done"
    for run in runs:
        ended = [event.event for event in store.events(run) if event.event.kind == "attempt_ended"]
        reported = [each.attempt.key for each in ended if each.report and each.attempt.until is None]
        assert len(set(reported)) == len(reported) == 4
