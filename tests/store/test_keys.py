"""Keys, their sessions, and what the queue and the day leave them."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from sqlalchemy import text

from rewardsmith.domain.events import StatusChanged
from rewardsmith.domain.key import Caller, KeyLimits, Reserve
from rewardsmith.errors import Conflict, LimitReached, UnknownName, UsageError
from rewardsmith.store.keys import PREFIX
from rewardsmith.store.leases import Owner
from rewardsmith.store.store import Store

FIRST = [StatusChanged(status="running")]
ANN, BOB = (Caller(name=name, scope="submit") for name in ("ann", "bob"))


@pytest.fixture
def store(place: str):
    opened = Store.open(place)
    yield opened
    opened.close()


def add(store: Store, *names: str) -> None:
    for name in names:
        store.keys.add(name, "submit", KeyLimits())


def submit(store: Store, run: str, caller: Caller, trainings: int = 0, dollars: float = 0.0) -> str:
    return store.queue.submit(run, FIRST, caller=caller, reserve=Reserve(trainings=trainings, dollars=dollars))


def age(store: Store, run: str, hours: float) -> None:
    """Have the run be submitted so much earlier."""
    with store._database.transaction() as connection:
        connection.execute(
            text("UPDATE runs SET created = created - :s WHERE id = :id"), {"s": hours * 3600, "id": run}
        )


def test_a_key_is_known_by_its_secret_alone(store):
    assert not store.keys.any()
    made = store.keys.add("ann", "submit", KeyLimits(runs_at_once=2))
    assert store.keys.any()
    assert made.secret.startswith(PREFIX)
    assert len(made.secret) == len(PREFIX) + 43
    assert store.keys.caller(made.secret) == Caller(name="ann", scope="submit", limits=KeyLimits(runs_at_once=2))
    for other in ("", "ann", made.secret[:-1], made.secret + "x", made.secret.upper(), "' OR 1=1 --", "\ud800"):
        assert store.keys.caller(other) is None
    assert [key.name for key in store.keys.list()] == ["ann"]
    with store._database.reading() as connection:
        kept = str(connection.execute(text("SELECT * FROM keys")).all())
    assert "ann" in kept
    assert made.secret.removeprefix(PREFIX) not in kept


def test_a_name_stands_for_one_holder_for_good(store):
    first = store.keys.add("ann", "submit", KeyLimits())
    store.keys.revoke("ann")
    with pytest.raises(Conflict, match="'ann' already"):
        store.keys.add("ann", "admin", KeyLimits())
    assert store.keys.caller(first.secret) is None
    second = store.keys.renew("ann")
    assert store.keys.caller(first.secret) is None
    found = store.keys.caller(second.secret)
    assert found is not None
    assert found.scope == "submit"
    for wrong in ("", "../ann", "a b", "x" * 101):
        with pytest.raises(UsageError):
            store.keys.add(wrong, "read", KeyLimits())
    for change in (store.keys.renew, store.keys.revoke, lambda name: store.keys.limit(name, KeyLimits())):
        with pytest.raises(UnknownName, match="did you mean 'ann'"):
            change("anne")


def test_keys_that_were_revoked_are_keys_still(store):
    store.keys.add("ann", "submit", KeyLimits())
    revoked = store.keys.revoke("ann")
    assert revoked.revoked is not None
    assert store.keys.revoke("ann").revoked == revoked.revoked
    assert store.keys.any()


def test_a_session_ends_with_its_key_its_time_and_its_logout(store):
    secret = store.keys.add("ann", "read", KeyLimits()).secret
    assert store.keys.log_in(secret + "x") is None
    one, two = store.keys.log_in(secret), store.keys.log_in(secret)
    assert one is not None
    assert two is not None
    assert one != two
    assert secret not in one
    assert store.keys.logged_in(one) == store.keys.caller(secret)
    assert store.keys.logged_in(secret) is None
    store.keys.log_out(one)
    assert store.keys.logged_in(one) is None
    assert store.keys.logged_in(two) is not None
    with store._database.transaction() as connection:
        connection.execute(text("UPDATE sessions SET until = until - 7 * 24 * 3600"))
    assert store.keys.logged_in(two) is None
    three = store.keys.log_in(secret)
    assert three is not None
    store.keys.revoke("ann")
    assert store.keys.logged_in(three) is None
    store.keys.renew("ann")
    assert store.keys.logged_in(three) is None


def test_each_key_has_its_own_runs(store):
    add(store, "ann", "bob")
    submit(store, "a1", ANN)
    submit(store, "b1", BOB)
    submit(store, "a2", ANN)
    assert [store.asker(run) for run in ("a1", "b1", "c1")] == ["ann", "bob", None]
    assert [row.id for row in store.runs()] == ["a1", "b1", "a2"]
    assert [row.id for row in store.runs("ann")] == ["a1", "a2"]
    assert [row.id for row in store.page(None, 9, asker="ann")] == ["a2", "a1"]
    assert [row.id for row in store.page("a2", 9, asker="ann")] == ["a1"]
    with pytest.raises(UnknownName) as caught:
        store.page("b1", 9, asker="ann")
    assert caught.value.near == ["a1"]


def test_two_keys_may_call_their_requests_the_same(store):
    add(store, "ann", "bob")
    assert store.queue.submit("a", FIRST, submission="k", digest="d", caller=ANN) == "a"
    assert store.queue.submit("b", FIRST, submission="k", digest="e", caller=BOB) == "b"
    assert store.queue.submitted("k", "d", ANN) == "a"
    assert store.queue.submitted("k", "e", BOB) == "b"
    assert store.queue.submitted("k", "d") is None
    with pytest.raises(Conflict, match="run b"):
        store.queue.submitted("k", "d", BOB)


def test_a_key_at_its_limit_holds_nobody_up(store):
    add(store, "bob")
    store.keys.add("ann", "submit", KeyLimits(runs_at_once=1))
    for run in ("a1", "a2", "a3"):
        submit(store, run, ANN)
    submit(store, "b1", BOB)
    submit(store, "n1", Caller(name="", scope="admin"))
    assert (store.queue.standing().waiting, store.queue.standing().ready) == (5, 3)
    taken = [store.queue.take(Owner.current(), most=9) for _ in range(4)]
    assert [lease and lease.run for lease in taken] == ["a1", "b1", "n1", None]
    assert (store.queue.standing().waiting, store.queue.standing().ready) == (2, 0)
    assert taken[0] is not None
    store.release(taken[0])
    after = store.queue.take(Owner.current(), most=9)
    assert after is not None
    assert after.run == "a2"
    store.keys.limit("ann", KeyLimits())
    last = store.queue.take(Owner.current(), most=9)
    assert last is not None
    assert last.run == "a3"


def test_keys_take_turns_however_many_runs_one_of_them_has(store):
    add(store, "ann", "bob")
    for run in ("a1", "a2", "a3", "a4"):
        submit(store, run, ANN)
    for run in ("b1", "b2"):
        submit(store, run, BOB)
    order = []
    while (lease := store.queue.take(Owner.current(), most=1)) is not None:
        order.append(lease.run)
        store.append(lease, [StatusChanged(status="done")])
        store.release(lease)
    assert order == ["a1", "b1", "a2", "b2", "a3", "a4"]


def test_a_dead_drivers_run_leaves_room_for_its_keys_next(store):
    store.keys.add("ann", "submit", KeyLimits(runs_at_once=1))
    submit(store, "a1", ANN)
    submit(store, "a2", ANN)
    dead = replace(Owner.current(), started=1)
    for _ in range(2):
        taken = store.queue.take(dead, most=1)
        assert taken is not None
        assert taken.run == "a1"


def test_takers_at_once_count_a_keys_runs(store):
    store.keys.add("ann", "submit", KeyLimits(runs_at_once=2))
    for n in range(10):
        submit(store, f"r{n}", ANN)
    taken, gate = [], threading.Barrier(8)

    def take() -> None:
        gate.wait()
        taken.append(store.queue.take(Owner.current(), most=9))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(lease.run for lease in taken if lease) == ["r0", "r1"]


@pytest.mark.parametrize("what", ["trainings", "dollars"])
def test_a_day_holds_so_much_and_no_more(store, what):
    store.keys.add("ann", "submit", KeyLimits(**{f"{what}_per_day": 10}))
    submit(store, "a1", ANN, **{what: 6})
    submit(store, "a2", ANN, **{what: 4})
    submit(store, "free", ANN)
    age(store, "a1", 20)
    age(store, "a2", 10)
    with pytest.raises(LimitReached, match="of the key's 10 a day 10 are taken") as caught:
        submit(store, "a3", ANN, **{what: 5})
    assert caught.value.wait_s == pytest.approx(4 * 3600, abs=60)
    with pytest.raises(LimitReached) as caught:
        submit(store, "a3", ANN, **{what: 7})
    assert caught.value.wait_s == pytest.approx(14 * 3600, abs=60)
    with pytest.raises(UsageError, match="has 10 a day") as refused:
        submit(store, "a3", ANN, **{what: 11})
    assert not isinstance(refused.value, LimitReached)
    assert store.asker("a3") is None
    age(store, "a1", 4.1)
    submit(store, "a3", ANN, **{what: 6})


def test_a_request_that_is_repeated_is_not_counted_again(store):
    store.keys.add("ann", "submit", KeyLimits(trainings_per_day=4))
    for _ in range(3):
        run = store.queue.submit("a", FIRST, submission="k", digest="d", caller=ANN, reserve=Reserve(trainings=4))
        assert run == "a"


def test_submissions_at_once_stay_within_the_day(store):
    store.keys.add("ann", "submit", KeyLimits(trainings_per_day=3))
    gate, refused = threading.Barrier(8), []

    def one(n: int) -> None:
        gate.wait()
        try:
            submit(store, f"r{n}", ANN, trainings=1)
        except LimitReached as error:
            refused.append(error)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(store.runs()), len(refused)) == (3, 5)
