"""How many connections one address may keep."""

from __future__ import annotations

import asyncio

import pytest
import uvicorn
from starlette.responses import PlainTextResponse

from rewardsmith.service import patience


@pytest.mark.parametrize(("trusted", "kept"), [("*", 5), ("10.0.0.9, 127.0.0.1", 5), ("10.0.0.9", 3)])
def test_an_address_that_is_no_proxy_keeps_no_more_connections_than_it_may(monkeypatch, trusted, kept):
    monkeypatch.setattr(patience, "CONNECTIONS", 3)
    monkeypatch.setattr(patience, "_is_here", lambda address: False)
    assert asyncio.run(_kept(5, trusted)) == [kept, 1], "and once they are gone, others may come"


async def _kept(many: int, trusted: str) -> list[int]:
    """How many of so many connections at once are answered, and then whether one alone is."""
    config = uvicorn.Config(
        PlainTextResponse("here"), http=patience.Prompt, forwarded_allow_ips=trusted, log_level="error", lifespan="off"
    )
    config.load()
    server = uvicorn.Server(config)
    listening = await asyncio.get_running_loop().create_server(
        lambda: patience.Prompt(config, server.server_state, {}), "127.0.0.1", 0
    )
    port = listening.sockets[0].getsockname()[1]
    async with listening:
        return [await _answered(port, many), await _answered(port, 1)]


async def _answered(port: int, many: int) -> int:
    pairs = [await asyncio.open_connection("127.0.0.1", port) for _ in range(many)]
    answered = 0
    for reader, writer in pairs:
        try:
            writer.write(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
            answered += (await reader.read(12)) == b"HTTP/1.1 200"
        except ConnectionError:
            continue
    for _, writer in pairs:
        writer.close()
    while patience.Prompt._open:
        await asyncio.sleep(0.01)
    return answered
