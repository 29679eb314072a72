"""Servers and drivers are killed while runs train; what ends is what would have ended anyway."""

from __future__ import annotations

import os
import signal

import pytest
from service_server import TINY, Server, outcome, processes, wait_for

from rewardsmith.store.store import Store

pytestmark = pytest.mark.slow
SLOWER = TINY | {"steps": 2000, "deterministic": True, "seed": 3}


def trains(server: Server, run: str) -> bool:
    """Whether the log says that a training of the run has begun; read past the server."""
    store = Store.open(server.folder / "runs" / "rewardsmith.db")
    kinds = [event.event.kind for event in store.events(run)]
    store.close()
    return "attempt_started" in kinds


@pytest.mark.parametrize("drivers_too", [False, True], ids=["server", "server and driver"])
def test_a_killed_server_costs_nothing(start, drivers_too):
    server = start()
    server.submit(SLOWER | {"name": "calm"})
    calm = outcome(server, "calm")
    server.submit(SLOWER | {"name": "killed"})
    waiting = server.submit(TINY)
    wait_for(lambda: trains(server, "killed"))
    server.end(signal.SIGKILL)
    (driver,) = processes(server, "drive")
    if drivers_too:
        os.kill(driver, signal.SIGKILL)
    server.start()
    assert outcome(server, "killed") == calm
    assert server.status("killed") == "done"
    assert [*server.events(waiting)][-1]["event"]["status"] == "done"


def test_a_driven_run_is_cancelled_and_leaves_nothing_behind(start):
    server = start()
    run = server.submit(TINY | {"steps": 1_000_000})
    wait_for(lambda: trains(server, run))
    assert server.client.post(f"/v1/runs/{run}/cancel").status_code == 202
    assert [*server.events(run)][-1]["event"]["status"] == "cancelled"
    wait_for(lambda: not processes(server, "drive"))
    assert not processes(server, run)
    assert server.status(run) == "cancelled"


def test_a_stopped_server_pauses_what_the_next_one_goes_on_with(start):
    server = start()
    run = server.submit(SLOWER)
    wait_for(lambda: trains(server, run))
    assert server.end(signal.SIGINT) == 0
    assert not processes(server)
    server.start()
    assert [*server.events(run)][-1]["event"]["status"] == "done"
