"""A server that ends: what is under way is answered, streams end, and its log has no fault to tell of."""

from __future__ import annotations

import asyncio
import json
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from service_server import PATIENCE_S, TINY, processes, wait_for

from rewardsmith.service.callers import Callers
from rewardsmith.service.door import Door
from rewardsmith.store.store import Store


def test_who_asked_before_the_end_is_answered_and_streams_end(start):
    server = start()
    run = server.submit(TINY | {"steps": 1_000_000})
    with ThreadPoolExecutor(2) as pool:
        watched = pool.submit(lambda: [*server.events(run)])
        slow = pool.submit(server.client.post, "/v1/runs", json=TINY | {"task": "pendulum"})
        wait_for(lambda: processes(server, "rewardsmith.executors.runner", "pendulum"))
        server.process.send_signal(signal.SIGTERM)
        assert slow.result(PATIENCE_S).status_code in (202, 503), "answered in its time, or told to try again"
        assert watched.result(PATIENCE_S)[0]["event"]["kind"] == "run_started"
    assert server.process.wait(PATIENCE_S) == 0
    assert "Traceback" not in server.log()
    wait_for(lambda: not processes(server))


def test_who_waits_too_long_for_a_server_that_ends_is_told_so(tmp_path):
    store = Store.open(tmp_path / "a.db")
    told: list[dict[str, Any]] = []
    asked = asyncio.Event()

    async def endless(*_: object) -> None:
        asked.set()
        await asyncio.Event().wait()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: dict[str, Any]) -> None:
        told.append(message)

    async def check() -> None:
        scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", b"localhost")], "state": {}}
        asking = asyncio.create_task(Door(endless, Callers(store.keys, always=False))(scope, receive, send))
        await asked.wait()
        asking.cancel()
        await asking

    asyncio.run(check())
    store.close()
    assert told[0]["status"] == 503
    assert (b"retry-after", b"10") in told[0]["headers"]
    assert json.loads(told[1]["body"])["type"] == "urn:rewardsmith:server-ends"
