"""A run's events as server-sent events: each once, in order, from wherever the reader left off."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from functools import lru_cache

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event

from rewardsmith.service.tail import Tail
from rewardsmith.store.log import Line

EVENT_SCHEMA = {
    "type": "object",
    "required": ["id", "data"],
    "properties": {
        "id": {"type": "string", "description": "Id of the event in the log."},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": "#/components/schemas/StoredEvent"},
        },
    },
}
"""One message of a stream, as the OpenAPI document tells it."""
PING_S = 15.0
"""After how long a silent stream says that it lives."""


async def stream(tail: Tail, run: str, after: int) -> AsyncGenerator[bytes]:
    """The run's events behind `after`, which is no later than its last, as they come; ends with the run's last."""
    async for lines in tail.watch(run, after, PING_S):
        yield b"".join(map(_message, lines)) or KEEPALIVE_COMMENT
        if lines and lines[-1].ends:
            return


@lru_cache(maxsize=4096)
def _message(line: Line) -> bytes:
    return format_sse_event(data_str=line.json, id=str(line.id))
