from __future__ import annotations

import asyncio
import threading

import pytest

from rewardsmith.domain.events import GenerationEnded
from rewardsmith.domain.prompt import Completion, CompletionKey
from rewardsmith.domain.run import Run
from rewardsmith.errors import DatabaseAway, LeaseLost
from rewardsmith.search import journal as journals
from rewardsmith.search.journal import Journal
from rewardsmith.store.store import Owner, Store

KEY = CompletionKey(generation=1, role="designer", slot=0)
ANSWER = Completion(text="def compute_reward(): ...", model="m", dollars=0.25)


def ended(generation: int) -> GenerationEnded:
    return GenerationEnded(generation=generation, best=None, best_overall=None)


def journal_of(store: Store) -> Journal:
    store.create("a")
    return Journal(store, store.claim("a", owner=Owner.current()), Run(), lambda *_: None)


@pytest.mark.postgres
def test_a_database_that_is_away_is_waited_for(cluster, postgres):
    journal = journal_of(Store.open(postgres))
    asyncio.run(journal.append(ended(1)))
    cluster.stop()
    writing = threading.Thread(target=asyncio.run, args=(journal.append(ended(2)),))
    writing.start()
    writing.join(1.0)
    assert writing.is_alive()
    cluster.start()
    writing.join()
    assert asyncio.run(journal.completion(KEY)) is None
    assert not asyncio.run(journal.cancelled())
    assert list(journal.run.generations) == [1, 2]
    assert Run.fold(journal._store.events("a")) == journal.run
    journal._store.close()


@pytest.mark.postgres
def test_one_that_stays_away_is_given_up(cluster, postgres, monkeypatch):
    monkeypatch.setattr(journals, "PATIENCE_S", 0.1)
    journal = journal_of(Store.open(postgres))
    cluster.stop()
    try:
        with pytest.raises(DatabaseAway, match="out of reach"):
            asyncio.run(journal.append(ended(1)))
    finally:
        cluster.start()
    journal._store.close()


@pytest.mark.parametrize("committed", [True, False])
def test_what_may_have_been_written_is_written_once(tmp_path, monkeypatch, committed):
    monkeypatch.setattr(journals, "PAUSE_S", 0.0)
    journal = journal_of(Store.open(tmp_path / "a.db"))
    store = journal._store
    for name in ("append", "store_completion"):
        write, lost = getattr(store, name), iter([True])

        def losing(*what, write=write, lost=lost):
            if next(lost, False):
                if committed:
                    write(*what)
                raise DatabaseAway("the answer got lost")
            return write(*what)

        monkeypatch.setattr(store, name, losing)
    asyncio.run(journal.append(ended(1), ended(2)))
    asyncio.run(journal.keep(KEY, "h", ANSWER))
    asyncio.run(journal.append(ended(3)))
    assert [stored.event.kind for stored in store.events("a")] == ["generation_ended"] * 2 + [
        "completed",
        "generation_ended",
    ]
    assert Run.fold(store.events("a")) == journal.run
    store.close()


def test_who_lost_the_lease_meanwhile_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(journals, "PAUSE_S", 0.0)
    journal = journal_of(Store.open(tmp_path / "a.db"))
    store = journal._store
    write, lost = store.append, iter([True])

    def losing(*what):
        if next(lost, False):
            raise DatabaseAway("it went")
        return write(*what)

    monkeypatch.setattr(store, "append", losing)
    store.release(journal._lease)
    store.claim("a", owner=Owner.current())
    with pytest.raises(LeaseLost):
        asyncio.run(journal.append(ended(1)))
    assert journal.lost
    assert store.events("a") == []
    store.close()
