from __future__ import annotations

import json
import socket

import pytest
from told_run import beginning, whole

from rewardsmith.store.leases import Owner


def test_a_run_that_nobody_drives_is_cancelled_at_once(say, keep):
    workshop = keep(beginning())
    assert workshop.run("walk-1").status not in ("done", "cancelled")
    said = say("cancel", "walk-1", "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out)["status"] == "cancelled"
    last = workshop.store.events("walk-1")[-1].event
    assert (last.kind, last.status) == ("status_changed", "cancelled")
    assert not workshop.run("walk-1").open
    again = say("cancel", "walk-1")
    assert again.code == 2
    assert "cancelled already" in again.err


def test_a_driven_run_is_asked_to_stop(say, keep):
    workshop = keep(beginning())
    lease = workshop.store.claim("walk-1", owner=Owner.current())
    assert not workshop.store.renew(lease)
    said = say("cancel", "walk-1")
    assert said.code == 0
    assert "within about a second" in said.out
    assert workshop.store.renew(lease)
    assert "cancelled" not in [getattr(each.event, "status", "") for each in workshop.store.events("walk-1")]


@pytest.mark.parametrize("name", ["walk-2", "../walk-1"])
def test_nobody_else_is_cancelled(say, keep, name):
    keep(whole())
    said = say("cancel", name)
    assert said.code == 2
    assert "unknown run" in said.err


def test_an_ended_run_is_taken_from_the_queue_and_not_driven(say, keep):
    workshop = keep(whole())
    told = len(workshop.store.events("walk-1"))
    workshop.store.queue.add("walk-1")
    assert workshop.result("walk-1").status == "done"
    said = say("drive", "--display", "none", "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out)["run"] == "walk-1"
    assert len(workshop.store.events("walk-1")) == told
    assert not workshop.store.row("walk-1").waits
    assert "no run waits" in say("drive").out


def test_the_queue_shows_in_the_list(say, keep):
    workshop = keep(beginning())
    workshop.store.queue.add("walk-1")
    (line,) = json.loads(say("runs", "--json").out)
    assert line["status"] == "queued"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "example.org"])
def test_only_this_machine_is_served(say, host):
    said = say("serve", "--host", host)
    assert said.code == 2
    assert "no keys yet" in said.err


def test_a_taken_port_is_said(say):
    with socket.create_server(("127.0.0.1", 0)) as other:
        said = say("serve", "--port", str(other.getsockname()[1]))
    assert said.code == 3
    assert "--port" in said.err
