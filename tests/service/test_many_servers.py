"""Two servers share a database and a folder: each takes requests, and what one began the other goes on with."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest
from service_server import ENDED, PATIENCE_S, TINY, Server, wait_for

from rewardsmith.domain.events import AttemptEnded, StoredEvent
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
        assert_each_training_is_reported_once(store.events(run))


class Follower(threading.Thread):
    """Reads a run's events to their end, at any server that is up, each time from behind the last one seen."""

    def __init__(self, servers: Sequence[Server], run: str) -> None:
        super().__init__()
        self._servers, self._run = servers, run
        self.seen: list[int] = []
        self.connections = 0

    def run(self) -> None:
        deadline = time.monotonic() + 2 * PATIENCE_S
        for server in itertools.cycle(self._servers):
            assert time.monotonic() < deadline, f"{self._run} did not end"
            place = f"{server.url}/v1/runs/{self._run}/events"
            last = {"Last-Event-ID": str(self.seen[-1] if self.seen else 0)}
            opened = httpx.stream("GET", place, headers=last, timeout=PATIENCE_S)
            with contextlib.suppress(httpx.TransportError), opened as answer:
                if answer.status_code == 204:
                    return
                self.connections += answer.status_code == 200
                lines = answer.iter_lines() if answer.status_code == 200 else ()
                self.seen += (int(line[4:]) for line in lines if line.startswith("id: "))
            time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_rolling_restart_loses_and_doubles_nothing(start, place, store):
    servers: list[Server] = [start("--database", place, "--runs-at-once", "2") for _ in range(3)]
    runs = [servers[n % 3].submit(TINY | {"seed": n}) for n in range(6)]
    followers = [Follower(servers, run) for run in runs]
    for follower in followers:
        follower.start()
    for server in servers:
        wait_for(lambda: any(store.row(run).alive and store.row(run).last_event > 10 for run in runs))
        assert server.end() == 0
        server.start()
    for follower in followers:
        follower.join()
    events = {run: store.events(run) for run in runs}
    told = [event.event.status for run in runs for event in events[run] if event.event.kind == "status_changed"]
    assert "paused" in told, "no restart met a run under way: the test proves nothing"
    assert all(follower.connections > 1 for follower in followers)
    for run, follower in zip(runs, followers, strict=True):
        assert follower.seen == [event.id for event in events[run]]
        ends = [event.event.status for event in events[run] if event.event.kind == "status_changed"]
        assert [end for end in ends if end in ENDED] == ["done"]
        assert_each_training_is_reported_once(events[run])


def assert_each_training_is_reported_once(events: Sequence[StoredEvent]) -> None:
    ended = [event.event for event in events if isinstance(event.event, AttemptEnded)]
    reported = [each.attempt.key for each in ended if each.report and each.attempt.until is None]
    assert len(set(reported)) == len(reported) == 4
