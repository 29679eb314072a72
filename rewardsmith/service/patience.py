"""How long the service waits for those who do not say what they want: connections are not theirs to keep."""

from __future__ import annotations

import asyncio
import resource

from starlette.types import Message, Receive
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 10.0
"""From the first byte of a request, or from the connection, to the end of its headers."""
BODY_S = 10.0
"""For each further piece of a body."""


class Prompt(H11Protocol):
    """HTTP/1.1 for those who speak up; who does not is hung up on."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._late = self.loop.call_later(HEAD_S, self._hang_up)

    def data_received(self, data: bytes) -> None:
        """Wait on where this is a part of a head, and no more where it was the last of one."""
        super().data_received(data)
        if not self._silent and self._late is not None:
            self._late.cancel()
            self._late = None
        elif self._silent and self._late is None:
            self._late = self.loop.call_later(HEAD_S, self._hang_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        if self._late is not None:
            self._late.cancel()
        super().connection_lost(exc)

    @property
    def _silent(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _hang_up(self) -> None:
        self._late = None
        if self._silent and not self.transport.is_closing():
            self.transport.close()


def promptly(receive: Receive) -> Receive:
    """The same, but who lets a body wait has gone."""
    more = True

    async def received() -> Message:
        nonlocal more
        if not more:
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), BODY_S)
        except TimeoutError:
            message = {"type": "http.disconnect"}
        more = bool(message.get("more_body"))
        return message

    return received


def raise_limits() -> None:
    """Take as many open files as this process may have: every connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
