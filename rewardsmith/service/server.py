"""The process that listens: one port, one application."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress

import uvicorn

from rewardsmith.app import Workshop
from rewardsmith.domain.key import RunLimits
from rewardsmith.errors import DatabaseAway, InfrastructureError, UsageError
from rewardsmith.service.access import AccessLog
from rewardsmith.service.desk import Desk
from rewardsmith.service.door import LOCAL
from rewardsmith.service.drivers import Drivers
from rewardsmith.service.patience import Prompt, raise_limits
from rewardsmith.service.sizes import ALLOWED
from rewardsmith.service.tail import Tail
from rewardsmith.service.web import make_app
from rewardsmith.store.keys import Keys

_ANSWERS_S = 10
"""How long answers under way may keep the server when it ends; streams do not."""
_IDLE_S = 75
"""How long a connection may rest between two requests: longer than clients and proxies keep one that they use again."""


def listen(host: str, port: int, keys: Keys) -> socket.socket:
    """A socket that listens; port 0 takes any that is free. While the database is away, there may be keys.

    Raises:
        UsageError: The host is not this machine alone, and nobody has a key.
        InfrastructureError: The port cannot be had.
    """
    if host not in LOCAL and _nobody_has_one(keys):
        raise UsageError(
            f"there are no keys yet, so the service listens on this machine alone, not on {host}",
            hint="make one: rewardsmith keys add NAME; or reach it through ssh -L 8080:127.0.0.1:8080 HOST",
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise InfrastructureError(
            f"cannot listen on {host}, port {port}: {error.strerror}", hint="take another with --port; 0 takes any"
        ) from error
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio leaves it out here: 40 ms per answer
    return listening


def _nobody_has_one(keys: Keys) -> bool:
    try:
        return all(key.revoked for key in keys.list())
    except DatabaseAway:
        return False


def serve(
    workshop: Workshop,
    listening: socket.socket,
    runs_at_once: int,
    announce: Callable[[str], None],
    *,
    access_log: bool = False,
    most: RunLimits = ALLOWED,
) -> None:
    """Announce where, and serve until interrupted; runs under way are paused then, for the next server. Blocks.

    With `access_log` every request leaves a line on standard error. One run takes no more than `most`.

    Raises:
        IsolationUnavailable: No training could be run safely here.
        StoreError: The database cannot be used.
    """
    assert workshop.executor is not None
    host, port = listening.getsockname()[:2]
    drivers = Drivers(workshop.store.queue, workshop.settings, runs_at_once)
    tail = Tail(workshop.store)
    app = make_app(Desk(workshop, most), drivers, tail, locked=host not in LOCAL)
    config = uvicorn.Config(
        AccessLog(app) if access_log else app,
        http=Prompt,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=_IDLE_S,
        timeout_graceful_shutdown=_ANSWERS_S,
    )
    raise_limits()
    announce(f"http://{f'[{host}]' if ':' in host else host}:{port}")
    with suppress(KeyboardInterrupt):
        _Server(config, tail).run(sockets=[listening])


class _Server(uvicorn.Server):
    """Ends the streams before it waits for other answers."""

    def __init__(self, config: uvicorn.Config, tail: Tail) -> None:
        super().__init__(config)
        self._tail = tail

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more requests, see those under way to their end, and let go of the application."""
        self._tail.end()
        await super().shutdown(sockets)
