"""The keeper of drivers on a machine that starts none."""

from __future__ import annotations

import asyncio
import sys

from rewardsmith.service.drivers import Drivers
from rewardsmith.settings import Settings
from rewardsmith.store.store import Store


def test_a_machine_that_starts_no_process_is_tried_again(tmp_path, monkeypatch, caplog):
    store = Store.open(tmp_path / "runs.db")
    store.create("a")
    store.queue.add("a")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    drivers = Drivers(store.queue, Settings(runs=tmp_path), most=1)

    async def kept() -> bool:
        keeping = asyncio.create_task(drivers.keep())
        while not caplog.records and not keeping.done():
            await asyncio.sleep(0.01)
        goes_on = not keeping.done()
        keeping.cancel()
        return goes_on

    assert asyncio.run(kept())
    assert "runs that wait cannot be begun: no driver can be started: No such file" in caplog.text
    store.close()
