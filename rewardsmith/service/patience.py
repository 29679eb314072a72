"""How long the service waits for those who do not say what they want, and how many connections one address may keep."""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from ipaddress import ip_address
from typing import ClassVar

from starlette.types import Message, Receive
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 10.0
"""From the first byte of a request, or from the connection, to the end of its headers."""
BODY_S = 10.0
"""For each further piece of a body."""
CONNECTIONS = 400
"""Most of one address, which is not this machine's own or a trusted proxy's."""


class Prompt(H11Protocol):
    """HTTP/1.1 for those who speak up; who does not, or comes too often, is hung up on."""

    _open: ClassVar[Counter[str]] = Counter()
    _late: asyncio.TimerHandle | None = None
    _address = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._address = self.client[0] if self.client else ""
        self._open[self._address] += 1
        if self._open[self._address] > CONNECTIONS and not self._is_trusted():
            transport.abort()
            return
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
        self._open[self._address] -= 1
        if not self._open[self._address]:
            del self._open[self._address]
        super().connection_lost(exc)

    def _is_trusted(self) -> bool:
        proxies = self.config.forwarded_allow_ips or ""
        named = proxies.split(",") if isinstance(proxies, str) else proxies
        trusted = {self._address, "*"} & {name.strip() for name in named}
        return bool(trusted) or _is_here(self._address)

    @property
    def _silent(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _hang_up(self) -> None:
        self._late = None
        if self._silent and not self.transport.is_closing():
            self.transport.close()


def _is_here(address: str) -> bool:
    """Whether it is this machine's own."""
    return not address or ip_address(address).is_loopback


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
