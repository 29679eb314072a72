"""Keeps as many drivers as the queue has work for and this host has room. A driver claims its run, and outlives us."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import time

from rewardsmith.domain.cluster import NEEDS
from rewardsmith.errors import InfrastructureError, RewardsmithError
from rewardsmith.service.complaint import Complaint
from rewardsmith.settings import Settings
from rewardsmith.store.leases import Owner
from rewardsmith.store.queue import Queue

DRIVE = ("-m", "rewardsmith", "drive")
"""What a driver is, to the interpreter."""
_LOG = logging.getLogger(__name__)
_LOOK_S = 0.5
_REST_S = 10.0
"""Pause after a driver ended with a fault, so that a fault of the machine is not met in a loop."""
_LEAVE_S = 20.0
"""How long drivers may take to pause their runs when the server ends."""
_QUIET = (0, 130)
"""Exit codes of drivers that ended well or were interrupted."""


class Drivers:
    """The drivers that one server started."""

    def __init__(self, queue: Queue, settings: Settings, most: int) -> None:
        self._queue = queue
        self._command = [sys.executable, *DRIVE, "--runs-at-once", str(most), "--display", "none"]
        self._environment = os.environ | _variables(settings)
        self._most = most
        self._host = Owner.current().host
        self._started: list[subprocess.Popen[bytes]] = []
        self._rest_until = 0.0

    async def keep(self) -> None:
        """Start drivers as they are needed, until cancelled."""
        complaint = Complaint(_LOG, "runs that wait cannot be begun")
        while True:
            try:
                await asyncio.to_thread(self._look)
                complaint.done()
            except RewardsmithError as error:
                complaint.failed(error)
            await asyncio.sleep(_LOOK_S)

    async def interrupt(self) -> None:
        """Have every driver pause its run and end; the runs wait for the next server."""
        for driver in self._started:
            if driver.poll() is None:
                driver.send_signal(signal.SIGINT)
        deadline = time.monotonic() + _LEAVE_S
        while any(driver.poll() is None for driver in self._started) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)

    def _look(self) -> None:
        self._reap()
        stands = self._queue.standing()
        claimed = {owner.pid for owner in stands.drivers if owner.host == self._host}
        starting = sum(driver.pid not in claimed for driver in self._started)
        room = min(stands.ready, self._most - len(claimed)) - starting
        if time.monotonic() >= self._rest_until:
            for _ in range(room):
                self._started.append(self._start())

    def _reap(self) -> None:
        ended = [driver for driver in self._started if driver.poll() is not None]
        self._started = [driver for driver in self._started if driver not in ended]
        if any(driver.returncode not in _QUIET for driver in ended):
            self._rest_until = time.monotonic() + _REST_S

    def _start(self) -> subprocess.Popen[bytes]:
        """A driver in a session of its own: what ends the server does not end it."""
        nothing = subprocess.DEVNULL
        try:
            return subprocess.Popen(
                self._command, env=self._environment, stdin=nothing, stdout=nothing, start_new_session=True
            )
        except OSError as error:
            hint = "is this machine out of memory, processes or open files?"
            raise InfrastructureError(f"no driver can be started: {error.strerror}", hint=hint) from error


def _variables(settings: Settings) -> dict[str, str]:
    """The settings as a command reads them; the database's address may hold a password, so it is no argument."""
    given = {
        "RUNS_DIR": str(settings.runs.resolve()),
        "DATABASE": settings.database,
        "ARTIFACTS": settings.artifacts,
        "SANDBOX": settings.sandbox,
        "UNSAFE_NO_SANDBOX": "1" if settings.unsafe else None,
        "WORKERS": str(settings.workers) if settings.workers else None,
        "EXECUTOR": settings.executor,
    }
    if settings.ray is not None:
        given |= {"RAY_ADDRESS": settings.ray.address, "RAY_PYTHON": settings.ray.python}
        given["RAY_NEEDS"] = ",".join(f"{name}={getattr(settings.ray, name)}" for name in NEEDS)
    return {f"REWARDSMITH_{name}": value for name, value in given.items() if value is not None}
