from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from sqlalchemy import text

from rewardsmith.domain.events import StatusChanged
from rewardsmith.errors import Conflict, RunBusy, UnknownName, UsageError
from rewardsmith.store.checking import check
from rewardsmith.store.database import engine_of, upgrade
from rewardsmith.store.leases import Owner
from rewardsmith.store.schema import REVISIONS
from rewardsmith.store.store import Store

FIRST = [StatusChanged(status="running")]


@pytest.fixture
def store(place: str):
    opened = Store.open(place)
    yield opened
    opened.close()


def dead() -> Owner:
    """An owner that certainly does not live."""
    return replace(Owner.current(), started=1)


def names(store: Store, *runs: str) -> None:
    for run in runs:
        store.queue.submit(run, FIRST)


def test_the_longest_waiting_is_taken_first(store):
    names(store, "b", "a", "c")
    taken = [store.queue.take(Owner.current(), most=9) for _ in range(4)]
    assert [lease and lease.run for lease in taken] == ["b", "a", "c", None]
    assert [event.event for event in store.events("a")] == FIRST


def test_no_more_are_driven_than_there_is_room_for(store):
    names(store, "a", "b", "c")
    first = store.queue.take(Owner.current(), most=1)
    assert first is not None
    assert store.queue.take(Owner.current(), most=1) is None
    stands = store.queue.standing()
    assert (stands.waiting, [owner.token for owner in stands.drivers]) == (2, [first.owner.token])
    assert not store.row("a").waits
    store.release(first)
    second = store.queue.take(Owner.current(), most=1)
    assert second is not None
    assert second.run == "b"
    assert not store.row("a").waits


def test_each_host_has_room_of_its_own(store):
    names(store, "a", "b", "c")
    elsewhere = replace(Owner.current(), host="elsewhere/pid:[1]")
    taken = [store.queue.take(owner, most=1) for owner in (Owner.current(), elsewhere, elsewhere, Owner.current())]
    assert [lease and lease.run for lease in taken] == ["a", "b", None, None]


def test_takers_at_once_count_each_other(store):
    names(store, *(f"r{n}" for n in range(12)))
    taken, gate = [], threading.Barrier(8)

    def take() -> None:
        gate.wait()
        taken.append(store.queue.take(Owner.current(), most=3))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runs = [lease.run for lease in taken if lease]
    assert len(runs) == len(set(runs)) == 3


def test_a_dead_drivers_run_waits_again(store):
    names(store, "a")
    assert store.queue.take(dead(), most=1) is not None
    assert store.row("a").waits
    lease = store.queue.take(Owner.current(), most=1)
    assert lease is not None
    assert lease.epoch == 2


def test_an_interrupted_run_keeps_its_place(store):
    names(store, "a")
    lease = store.queue.take(Owner.current(), most=1)
    assert lease is not None
    store.release(lease, again=True)
    assert store.row("a").waits


def test_whoever_asks_to_cancel_a_run_that_is_let_go_of_is_heard(store):
    names(store, "a")
    lease = store.queue.take(Owner.current(), most=1)
    assert lease is not None
    store.request_cancel("a")
    assert not store.release(lease, again=True), "its next driver is told"
    lease = store.queue.take(Owner.current(), most=1)
    assert lease is not None
    assert store.renew(lease)
    assert store.release(lease), "nobody else will be"
    assert not store.renew(store.claim("a", owner=Owner.current()))


def test_a_run_that_keeps_killing_its_drivers_is_paused(store):
    names(store, "a", "b")
    for _ in range(3):
        lease = store.queue.take(dead(), most=1, max_claims=3)
        assert lease is not None
        assert lease.run == "a"
    lease = store.queue.take(Owner.current(), most=1, max_claims=3)
    assert lease is not None
    assert lease.run == "b"
    last = store.events("a")[-1].event
    assert isinstance(last, StatusChanged)
    assert last.status == "paused"
    assert not store.row("a").waits
    store.release(lease)
    store.queue.add("a")
    assert store.queue.take(Owner.current(), most=1, max_claims=3) is not None


def test_what_is_not_queued_is_never_taken(store):
    store.create("mine")
    assert store.queue.take(Owner.current(), most=1) is None
    store.queue.add("mine")
    lease = store.queue.take(Owner.current(), most=1)
    assert lease is not None
    with pytest.raises(RunBusy):
        store.claim("mine", owner=Owner.current())
    with pytest.raises(UnknownName):
        store.queue.add("yours")


def test_a_key_is_one_run(store):
    assert store.queue.submitted("k", "d") is None
    assert store.queue.submit("a", FIRST, submission="k", digest="d") == "a"
    assert store.queue.submit("b", FIRST, submission="k", digest="d") == "a"
    assert store.queue.submitted("k", "d") == "a"
    assert [row.id for row in store.runs()] == ["a"]
    with pytest.raises(Conflict, match="run a"):
        store.queue.submit("b", FIRST, submission="k", digest="other")
    with pytest.raises(Conflict, match="'a' is taken"):
        store.queue.submit("a", FIRST)
    with pytest.raises(UsageError):
        store.queue.submit("../a", FIRST)
    assert [event.event for event in store.events("a")] == FIRST


def test_a_page_has_all_that_may_have_a_status_and_no_others(store):
    for name in ("waits", "driven", "paused", "done"):
        store.queue.submit(name, [])
    driving = {name: store.claim(name, owner=Owner.current()) for name in ("driven", "paused", "done")}
    for name, status in (("driven", "running"), ("paused", "paused"), ("done", "done")):
        store.append(driving[name], [StatusChanged(status="running"), StatusChanged(status=status)])
        assert [row.id for row in store.page(None, 9, status=status)] == [name]
    assert {row.id for row in store.page(None, 9, status="queued")} == {"waits", "driven", "paused"}
    store.release(driving["driven"])
    assert [row.id for row in store.page(None, 9, status="queued")] == ["paused", "waits"]
    store.queue.submit("asked", [])
    assert [row.id for row in store.page(None, 9, status="queued")] == ["asked", "paused", "waits"]
    assert [row.id for row in store.page("asked", 1, status="queued")] == ["paused"]
    assert [row.id for row in store.page(None, 2)] == ["asked", "done"]


@pytest.mark.parametrize("revision", REVISIONS[:-1])
def test_a_database_of_an_earlier_revision_goes_on(place, revision):
    engine = engine_of(place)
    with engine.begin() as connection:
        upgrade(connection, revision)
        connection.execute(text("INSERT INTO runs (id, created) VALUES ('earlier', 1.0), ('over', 2.0)"))
        for status in ("running", "paused", "running", "done"):
            row = {"data": StatusChanged(status=status).model_dump_json()}
            add = "INSERT INTO events (run, time, kind, data) VALUES ('over', 3.0, 'status_changed', :data)"
            connection.execute(text(add), row)
    engine.dispose()
    store = Store.open(place)
    assert [row.id for row in store.page(None, 9, status="done")] == ["over"]
    assert [row.id for row in store.page(None, 9, status="queued")] == ["earlier"]
    assert check(place).faults == ()
    assert not store.row("earlier").waits
    assert store.asker("earlier") == ""
    assert store.claim("earlier", owner=Owner.current()).run == "earlier"
    store.close()
