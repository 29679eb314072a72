"""A run's events as server-sent events: each once, in order, from wherever the reader left off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event

from rewardsmith.domain.events import StatusChanged, StoredEvent
from rewardsmith.domain.run import ENDED
from rewardsmith.store.store import Store

POLL_S = 0.25
"""How often the log is read."""
PING_S = 15.0
"""After how long a silent stream says that it lives."""


def ends(events: Sequence[StoredEvent]) -> bool:
    """Whether the last of these events is a run's last."""
    return bool(events) and isinstance(events[-1].event, StatusChanged) and events[-1].event.status in ENDED


async def stream(store: Store, run: str, after: int) -> AsyncIterator[bytes]:
    """The run's events with ids above `after`, as they come; ends with the run's last."""
    silent = 0.0
    while True:
        new = await asyncio.to_thread(store.events, run, after=after)
        for event in new:
            yield format_sse_event(data_str=event.model_dump_json(), id=str(event.id))
            after = event.id
        if ends(new):
            return
        silent = 0.0 if new else silent + POLL_S
        if silent >= PING_S:
            silent = 0.0
            yield KEEPALIVE_COMMENT
        await asyncio.sleep(POLL_S)
