from __future__ import annotations

import math
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import rewardsmith
from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.events import GenerationEnded, Screened, StatusChanged
from rewardsmith.domain.prompt import Completion, CompletionKey
from rewardsmith.errors import LeaseLost, RunBusy, StoreError, UnknownName, UsageError
from rewardsmith.store.store import Owner, Store

KEY = CompletionKey(generation=1, role="designer", slot=0)
ANSWER = Completion(text="def compute_reward(): ...", model="m", dollars=0.25)
PATHS = [str(Path(rewardsmith.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(PATHS)}


def ended(generation: int) -> GenerationEnded:
    return GenerationEnded(generation=generation, best=None, best_overall=None)


def foreign() -> Owner:
    """An owner on another host, of whom nobody here can know whether it lives."""
    return replace(Owner.current(), host="elsewhere/pid:[1]", token=os.urandom(8).hex())


@pytest.fixture
def store(place: str) -> Iterator[Store]:
    store = Store.open(place)
    store.create("a")
    yield store
    store.close()


class TestEvents:
    def test_come_back_in_order_and_from_where_one_left_off(self, store: Store, place: str):
        lease = store.claim("a", owner=Owner.current())
        first = store.append(lease, [ended(1), ended(2)])
        second = store.append(lease, [StatusChanged(status="done", reason="all done")])
        again = Store.open(place)
        assert again.events("a") == [*first, *second]
        assert again.events("a", after=first[-1].id) == second
        again.close()
        ids = [event.id for event in (*first, *second)]
        assert ids == sorted(set(ids))

    def test_of_another_run_stay_apart(self, store: Store):
        store.create("b")
        one = store.append(store.claim("a", owner=Owner.current()), [ended(1)])
        store.append(store.claim("b", owner=Owner.current()), [ended(2)])
        assert store.events("a") == one

    def test_have_the_time_of_now(self, store: Store):
        before = time.time()
        (stored,) = store.append(store.claim("a", owner=Owner.current()), [ended(1)])
        assert before - 0.01 <= stored.time <= time.time() + 0.01

    def test_are_all_or_none(self, store: Store):
        lease = store.claim("a", owner=Owner.current())
        broken = Screened(
            candidate=Candidate.model_construct(generation=1, slot=0, origin="proposed", parameters={"w": math.nan})
        )
        with pytest.raises(ValueError, match="screened"):
            store.append(lease, [ended(1), broken])
        assert store.events("a") == []

    def test_from_many_threads_are_all_there(self, store: Store):
        lease = store.claim("a", owner=Owner.current())

        def write(first: int) -> None:
            for number in range(first, first + 10):
                store.append(lease, [ended(number)])

        threads = [threading.Thread(target=write, args=(100 * n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stored = store.events("a")
        assert sorted(event.event.generation for event in stored) == sorted(
            100 * n + i for n in range(6) for i in range(10)
        )

    def test_that_a_killed_process_had_stored_are_there(self, store: Store, place: str):
        source = f"""
            from rewardsmith.domain.events import GenerationEnded
            from rewardsmith.store.store import Owner, Store
            store = Store.open({place!r})
            lease = store.claim("a", owner=Owner.current())
            for n in range(10**6):
                store.append(lease, [GenerationEnded(generation=n, best=None, best_overall=None)])
                print(n, flush=True)
        """
        writer = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(source)], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
        )
        assert writer.stdout is not None
        told = [int(writer.stdout.readline()) for _ in range(20)]
        writer.send_signal(signal.SIGKILL)
        told += [int(line) for line in writer.stdout.read().splitlines()]
        writer.wait()
        writer.stdout.close()
        stored = [event.event.generation for event in store.events("a")]
        assert stored[: len(told)] == told
        assert len(stored) <= len(told) + 1
        lease = store.claim("a", owner=Owner.current())  # at once: its owner is dead
        assert store.append(lease, [ended(0)])

    def test_of_an_unknown_kind_name_themselves(self, store: Store):
        lease = store.claim("a", owner=Owner.current())
        store.append(lease, [ended(1)])
        with store._database.transaction() as connection:
            connection.exec_driver_sql("UPDATE events SET data = '{\"kind\": \"later\"}', kind = 'later'")
        with pytest.raises(StoreError, match=r"event 1 \(later\) of the run 'a'"):
            store.events("a")


class TestRuns:
    def test_are_made_once(self, store: Store):
        with pytest.raises(UsageError, match="'a' already"):
            store.create("a")

    @pytest.mark.parametrize("name", ["", "../a", ".hidden", "a/b", "a b", "x" * 101, "a\n"])
    def test_have_names_that_can_be_folders(self, store: Store, name: str):
        with pytest.raises(UsageError):
            store.create(name)

    def test_are_listed_with_who_drives_them(self, store: Store):
        store.create("b")
        owner = Owner.current()
        lease = store.claim("b", owner=owner)
        stored = store.append(lease, [ended(1)])
        a, b = store.runs()
        assert (a.id, a.owner, a.alive, a.updated) == ("a", None, False, a.created)
        assert (b.id, b.owner, b.alive, b.updated) == ("b", owner, True, stored[0].time)
        store.release(lease)
        assert not store.runs()[1].alive

    def test_that_are_unknown_have_near_misses(self, store: Store):
        store.create("ant-one")
        for call in (lambda: store.claim("ant-on", owner=Owner.current()), lambda: store.request_cancel("ant-on")):
            with pytest.raises(UnknownName, match="did you mean 'ant-one'"):
                call()


class TestLeases:
    def test_a_live_owner_is_not_disturbed(self, store: Store):
        store.claim("a", owner=Owner.current())
        with pytest.raises(RunBusy, match=f"process {os.getpid()}"):
            store.claim("a", owner=Owner.current())

    def test_an_owner_elsewhere_is_waited_for(self, store: Store):
        store.claim("a", owner=foreign())
        with pytest.raises(RunBusy):
            store.claim("a", owner=Owner.current())

    def test_an_expired_lease_is_taken_over_and_the_zombie_fenced_off(self, store: Store):
        zombie = store.claim("a", owner=foreign(), ttl_s=0.0)
        lease = store.claim("a", owner=Owner.current())
        assert lease.epoch > zombie.epoch
        for write in (
            lambda: store.append(zombie, [ended(1)]),
            lambda: store.renew(zombie),
            lambda: store.store_completion(zombie, KEY, "h", ANSWER),
        ):
            with pytest.raises(LeaseLost):
                write()
        store.release(zombie)  # does nothing
        assert store.events("a") == []
        assert store.completion("a", KEY) is None
        assert store.append(lease, [ended(1)])

    def test_one_owner_that_claims_again_fences_off_its_older_self(self, store: Store):
        owner = Owner.current()
        old = store.claim("a", owner=owner, ttl_s=0.0)
        store.claim("a", owner=owner)
        with pytest.raises(LeaseLost):
            store.append(old, [ended(1)])

    def test_a_late_owner_that_nobody_replaced_goes_on(self, store: Store):
        lease = store.claim("a", owner=Owner.current(), ttl_s=0.0)
        assert store.renew(lease) is False
        assert store.append(lease, [ended(1)])

    def test_renewing_keeps_others_out(self, store: Store):
        lease = replace(store.claim("a", owner=foreign(), ttl_s=0.0), ttl_s=30.0)
        store.renew(lease)
        with pytest.raises(RunBusy):
            store.claim("a", owner=Owner.current())

    def test_a_dead_owner_on_this_host_is_replaced_at_once(self, store: Store):
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        here = Owner.current()
        for dead in (
            replace(here, pid=gone.pid),
            replace(here, started=here.started - 1),
            replace(here, boot="before"),
        ):
            store.claim("a", owner=replace(dead, token=os.urandom(8).hex()), ttl_s=600.0)
            lease = store.claim("a", owner=Owner.current(), ttl_s=600.0)
            store.release(lease)

    def test_an_owner_in_another_pid_namespace_counts_as_elsewhere(self):
        assert not replace(Owner.current(), host=f"{socket.gethostname()}/pid:[1]", pid=2**22).is_dead()

    def test_a_request_to_cancel_reaches_the_owner_until_it_lets_go(self, store: Store):
        lease = store.claim("a", owner=Owner.current())
        assert store.renew(lease) is False
        store.request_cancel("a")
        assert store.renew(lease) is True
        assert store.runs()[0].cancel
        store.release(lease)
        assert store.renew(store.claim("a", owner=Owner.current())) is False

    def test_a_run_that_keeps_failing_its_owner_is_given_up(self, store: Store):
        for _ in range(3):
            store.claim("a", owner=foreign(), ttl_s=0.0, max_claims=3)
        with pytest.raises(StoreError, match="keeps failing its owner"):
            store.claim("a", owner=foreign(), ttl_s=0.0, max_claims=3)
        store.release(store.claim("a", owner=foreign(), max_claims=4))
        store.claim("a", owner=foreign(), max_claims=1)

    def test_of_many_at_once_one_gets_it(self, place: str, store: Store):
        with multiprocessing.get_context("spawn").Pool(3) as pool:
            got = pool.map(_claims, [place] * 3, chunksize=1)
        assert sorted(got) == [False, False, True]


class TestCompletions:
    def test_the_first_under_a_key_stays(self, store: Store, place: str):
        lease = store.claim("a", owner=Owner.current())
        assert len(store.store_completion(lease, KEY, "hash", ANSWER, [ended(1)])) == 1
        assert store.store_completion(lease, KEY, "other", ANSWER.model_copy(update={"text": "x"}), [ended(2)]) == []
        again = Store.open(place)
        found = again.completion("a", KEY)
        assert found is not None
        assert (found.key, found.prompt_hash, found.completion) == (KEY, "hash", ANSWER)
        assert [event.event for event in again.events("a")] == [ended(1)]
        again.close()

    def test_every_part_of_the_key_counts(self, store: Store):
        lease = store.claim("a", owner=Owner.current())
        others = [{"generation": 2}, {"role": "repair"}, {"slot": 1}, {"call": 1}]
        keys = [KEY, *(KEY.model_copy(update=other) for other in others)]
        for number, key in enumerate(keys):
            store.store_completion(lease, key, f"h{number}", ANSWER)
        found = [store.completion("a", key) for key in keys]
        assert [(stored.key, stored.prompt_hash) for stored in found if stored] == [
            (key, f"h{number}") for number, key in enumerate(keys)
        ]
        store.create("b")
        assert store.completion("b", KEY) is None

    def test_come_with_their_event_or_not_at_all(self, store: Store):
        lease = store.claim("a", owner=Owner.current())
        broken = Screened(
            candidate=Candidate.model_construct(generation=1, slot=0, origin="proposed", parameters={"w": math.inf})
        )
        with pytest.raises(ValueError, match="screened"):
            store.store_completion(lease, KEY, "h", ANSWER, [broken])
        assert store.completion("a", KEY) is None


def _claims(place: str) -> bool:
    store = Store.open(place)
    try:
        store.claim("a", owner=foreign(), ttl_s=600.0)
    except RunBusy:
        return False
    finally:
        store.close()
    return True
