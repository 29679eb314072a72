"""Counting requests, and answers that end with their caller's key; by a clock that the tests hold."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator

import httpx
import pytest
from service_server import PATIENCE_S
from sqlalchemy import text
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from rewardsmith.domain.key import Caller, KeyLimits
from rewardsmith.errors import LimitReached
from rewardsmith.service.callers import Callers, Rates
from rewardsmith.service.door import Door
from rewardsmith.service.line import Line
from rewardsmith.store.store import Store

ANN = Caller(name="ann", scope="submit")


class Clock:
    """Seconds, as they are set."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_minute_holds_so_many_requests_whenever_it_begins():
    clock = Clock()
    rates = Rates(clock)
    assert [rates.wait("ann", 3) for _ in range(3)] == [0, 0, 0]
    assert rates.wait("ann", 3) == pytest.approx(20)
    assert rates.wait("bob", 3) == 0
    clock.now += 19.9
    assert rates.wait("ann", 3) == pytest.approx(0.1)
    clock.now += 0.2
    assert rates.wait("ann", 3) == 0
    assert rates.wait("ann", 3) > 19
    clock.now += 3600
    assert [rates.wait("ann", 3) > 0 for _ in range(4)] == [False, False, False, True]


def test_who_is_gone_is_forgotten():
    clock = Clock()
    rates = Rates(clock)
    for number in range(10_001):
        rates.wait(f"/{number}", 60)
    rates.wait("ann", 60)
    clock.now += 1.5
    assert rates.wait("bob", 60) == 0
    assert len(rates._whole) < 10


@pytest.mark.parametrize("ends", ["revoke", "log_out", None])
def test_a_long_answer_ends_with_its_key(tmp_path, ends):
    store, clock = Store.open(tmp_path / "a.db"), Clock()
    session = store.keys.log_in(store.keys.add("ann", "read", KeyLimits()).secret)
    assert session is not None
    headers = [(b"cookie", f"rewardsmith={session}".encode())]
    request = HTTPConnection({"type": "http", "headers": headers, "state": {"caller": ANN}})
    closed = []

    async def pieces() -> AsyncGenerator[bytes]:
        try:
            for number in range(6):
                if number == 2 and ends == "revoke":
                    store.keys.revoke("ann")
                if number == 2 and ends == "log_out":
                    store.keys.log_out(session)
                clock.now += 6
                yield bytes([number])
        finally:
            closed.append(True)

    async def told() -> bytes:
        callers = Callers(store.keys, always=True, clock=clock)
        return b"".join([piece async for piece in callers.while_good(request, pieces())])

    assert asyncio.run(told()) == (bytes(range(3)) if ends else bytes(range(6)))
    assert closed
    store.close()


def test_a_database_that_is_away_lets_nobody_in_and_tells_nothing(tmp_path):
    store = Store.open(tmp_path / "secret-place.db")
    secret = store.keys.add("ann", "admin", KeyLimits()).secret

    async def served(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise AssertionError("somebody was let in")

    async def asked() -> httpx.Response:
        door = Door(served, Callers(store.keys, always=True))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://localhost") as client:
            return await client.get("/v1/runs", headers={"authorization": f"Bearer {secret}"})

    with store._database.transaction() as connection:
        connection.execute(text("DROP TABLE sessions"))
        connection.execute(text("DROP TABLE keys"))
    answer = asyncio.run(asked())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert answer.json()["type"] == "urn:rewardsmith:store-error"
    assert "secret-place" not in answer.text
    store.close()


def test_streams_are_counted_while_they_are_open(tmp_path):
    store = Store.open(tmp_path / "store.db")
    callers = Callers(store.keys, always=False)
    request = HTTPConnection({"type": "http", "headers": [], "state": {"caller": ANN}})

    async def pieces() -> AsyncGenerator[bytes]:
        while True:
            yield b""

    async def opened() -> None:
        streams = [callers.while_good(request, pieces()) for _ in range(200)]
        for stream in streams:
            callers.check_streams(ANN)
            await anext(stream)
        with pytest.raises(LimitReached, match="200 streams"):
            callers.check_streams(ANN)
        callers.check_streams(ANN.model_copy(update={"name": "bob"}))
        await streams[0].aclose()
        callers.check_streams(ANN)

    asyncio.run(opened())
    store.close()


def test_a_key_has_one_slow_request_at_a_time_and_nobody_elses_waits_for_its_next():
    line, order = Line(), []

    async def asked() -> None:
        begun, go = threading.Event(), threading.Event()
        first = asyncio.create_task(line.do(ANN, lambda: (begun.set(), go.wait(PATIENCE_S), order.append("ann"))))
        await asyncio.to_thread(begun.wait, PATIENCE_S)
        with pytest.raises(LimitReached, match="the key ann waits"):
            await line.do(ANN, lambda: order.append("ann again"))
        second = asyncio.create_task(line.do(ANN.model_copy(update={"name": "bob"}), lambda: order.append("bob")))
        go.set()
        await asyncio.gather(first, second)
        await line.do(ANN, lambda: order.append("ann later"))

    asyncio.run(asked())
    assert order == ["ann", "bob", "ann later"]
