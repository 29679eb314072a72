from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from service_server import PATIENCE_S

from rewardsmith.domain.events import GenerationEnded, StatusChanged, StoredEvent
from rewardsmith.errors import StoreError
from rewardsmith.service import tail as tails
from rewardsmith.service.streaming import stream
from rewardsmith.service.tail import Tail
from rewardsmith.store.log import Line
from rewardsmith.store.store import Owner, Store


@pytest.fixture
def store(tmp_path: Path):
    store = Store.open(tmp_path / "a.db")
    store.create("a")
    store.create("b")
    yield store
    store.close()


def writer(store: Store, run: str) -> Callable[[int], list[StoredEvent]]:
    lease = store.claim(run, owner=Owner.current())
    return lambda n: store.append(lease, [GenerationEnded(generation=n, best=None, best_overall=None)])


def watching(store: Store, what: Callable[[Tail], Awaitable[None]]) -> None:
    """Do something beside a tail that is kept."""

    async def both() -> None:
        tail = Tail(store)
        keeping = asyncio.create_task(tail.keep())
        await asyncio.wait_for(what(tail), PATIENCE_S)
        keeping.cancel()

    asyncio.run(both())


async def gathered(tail: Tail, run: str, after: int, until: int) -> list[Line]:
    """What a watcher is given up to the id `until`."""
    found: list[Line] = []
    async for lines in tail.watch(run, after, 20):
        found += lines
        if found and found[-1].id >= until:
            break
    return found


def test_everyone_who_watches_gets_each_event_once_and_in_order_whenever_they_came(store, monkeypatch):
    monkeypatch.setattr(tails, "_RECENT", 3)
    monkeypatch.setattr(tails, "_MOST", 2)
    write = {run: writer(store, run) for run in "ab"}

    async def check(tail: Tail) -> None:
        watchers = []
        for n in range(40):
            for run in "ab":
                await asyncio.to_thread(write[run], n)
            if n % 8 == 0:
                last = {run: store.row(run).last_event for run in "ab"}
                watchers += [asyncio.create_task(gathered(tail, run, 0, 80 - (run == "a"))) for run in "ab"]
                watchers += [asyncio.create_task(gathered(tail, run, last[run], 80 - (run == "a"))) for run in "ab"]
                await asyncio.sleep(0.05)
        for number, found in enumerate(await asyncio.gather(*watchers)):
            run = "ab"[number % 2]
            assert found == [line for line in store.page_of(run, 0, 99) if line.id >= found[0].id]
            assert {line.run for line in found} == {run}
        assert not tail._watched, "who leaves is no longer read for"

    watching(store, check)


def test_a_stream_ends_with_the_run_and_lives_through_silence(store, monkeypatch):
    monkeypatch.setattr("rewardsmith.service.streaming.PING_S", 0.05)
    lease = store.claim("a", owner=Owner.current())
    events = store.append(lease, [StatusChanged(status="running")])

    async def check(tail: Tail) -> None:
        said: list[bytes] = []
        async for message in stream(tail, "a", 0):
            said.append(message)
            if message.startswith(b":") and len(events) == 1:
                events.extend(await asyncio.to_thread(store.append, lease, [StatusChanged(status="cancelled")]))
        assert said[0] == f"data: {events[0].model_dump_json()}\nid: {events[0].id}\n\n".encode()
        assert said[-1] == f"data: {events[-1].model_dump_json()}\nid: {events[-1].id}\n\n".encode()
        assert len(said) > 2, "it said nothing while it was silent"

    watching(store, check)


def test_a_tail_goes_on_when_the_database_comes_back(store, monkeypatch, caplog):
    write, read = writer(store, "a"), store.lines
    failures = iter([StoreError("away")] * 3)

    def sometimes(places):
        if (error := next(failures, None)) is not None:
            raise error
        return read(places)

    monkeypatch.setattr(store, "lines", sometimes)

    async def check(tail: Tail) -> None:
        watcher = asyncio.create_task(gathered(tail, "a", 0, 1))
        await asyncio.sleep(0)
        await asyncio.to_thread(write, 1)
        assert [line.id for line in await watcher] == [1]

    watching(store, check)
