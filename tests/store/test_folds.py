from __future__ import annotations

import threading

import pytest
from sqlalchemy import event

from rewardsmith.domain.events import GenerationEnded, StatusChanged
from rewardsmith.domain.run import Run
from rewardsmith.errors import UnknownName
from rewardsmith.store.folds import Folds
from rewardsmith.store.store import Owner, Store


@pytest.fixture
def store(place: str):
    store = Store.open(place)
    store.create("a")
    yield store
    store.close()


def ended(generation: int) -> GenerationEnded:
    return GenerationEnded(generation=generation, best=None, best_overall=None)


def test_a_fold_goes_on_from_the_last_event_and_is_what_a_whole_fold_is(store, monkeypatch):
    folds, lease = Folds(store), store.claim("a", owner=Owner.current())
    store.append(lease, [StatusChanged(status="running"), ended(1)])
    first = folds.of("a")
    asked: list[int] = []
    read = store.events
    monkeypatch.setattr(store, "events", lambda run, *, after=0: asked.append(after) or read(run, after=after))
    (last,) = store.append(lease, [ended(2)])
    second = folds.of("a")
    assert asked == [first.last_event]
    assert list(first.generations) == [1], "what was given out changed"
    assert second == Run.fold(read("a"))
    assert second.last_event == last.id
    assert folds.of("a") is second
    assert folds.of("nobody") == Run()


def test_the_oldest_is_forgotten_and_read_again(store):
    store.create("b")
    folds = Folds(store, most=1)
    for run in ("a", "b"):
        store.append(store.claim(run, owner=Owner.current()), [ended(1)])
    first = folds.of("a")
    assert folds.of("b").generations
    again = folds.of("a")
    assert again == first
    assert again is not first


def test_many_readers_beside_a_writer_see_only_what_was_written(store):
    folds, lease = Folds(store), store.claim("a", owner=Owner.current())
    wrong: list[Run] = []
    over = threading.Event()

    def look() -> None:
        seen = 0
        while not over.is_set():
            state = folds.of("a")
            if list(state.generations) != [*range(len(state.generations))] or state.last_event < seen:
                wrong.append(state)
            seen = state.last_event

    readers = [threading.Thread(target=look) for _ in range(4)]
    for reader in readers:
        reader.start()
    for generation in range(60):
        store.append(lease, [ended(generation)])
    over.set()
    for reader in readers:
        reader.join()
    assert not wrong
    assert len(folds.of("a").generations) == 60


def test_pages_hold_every_run_once_the_newest_first(store):
    for name in ("b", "c", "d"):
        store.queue.submit(name, [StatusChanged(status="running")])
    assert [row.id for row in store.page(None, 3)] == ["d", "c", "b"]
    assert [row.id for row in store.page("b", 3)] == ["a"]
    assert store.page("a", 3) == []
    assert [row.last_event > 0 for row in store.page("d", 3)] == [True, True, False]
    with pytest.raises(UnknownName, match="cursor"):
        store.page("e", 3)


def test_readers_wait_for_no_writer(store):
    with store._database.transaction() as connection:
        connection.exec_driver_sql("INSERT INTO runs (id, created) VALUES ('late', 1)")
        assert [row.id for row in store.runs()] == ["a"]
        assert store.queue.standing().waiting == 0
    assert {row.id for row in store.runs()} == {"a", "late"}
    begun: list[str] = []
    event.listen(store._database._engine, "before_cursor_execute", lambda _c, _k, said, *_: begun.append(said))
    store.runs()
    assert begun
    assert "BEGIN IMMEDIATE" not in begun
