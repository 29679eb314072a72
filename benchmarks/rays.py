"""A Ray cluster of one's own on this machine, for tests and benchmarks, which may kill any part of it.

Needs the extra `cluster`, or its program `ray` on PATH from an environment of its own: nothing here imports Ray. Nodes
are told apart by addresses of the loopback; each declares what the caller says, whatever the machine has.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rewardsmith.domain.cluster import RaySpec
from rewardsmith.errors import InfrastructureError
from rewardsmith.executors.ray_jobs import RayJobs
from rewardsmith.sandboxes.tree import descendants, kill_tree

_START_S = 150.0
_OBJECTS = 100_000_000
"""Bytes of the store of objects, which jobs do not use."""


def program() -> str | None:
    """The command `ray`: beside this interpreter, or on PATH; None where it is not installed."""
    beside = Path(sys.executable).with_name("ray")
    return str(beside) if beside.exists() else shutil.which("ray")


class Rays:
    """A head that runs no job, and nodes. Use as a context manager; nothing of it is left."""

    def __init__(
        self, *, nodes: int = 1, cpus: float = 1, gpus: float = 0, environ: dict[str, str] | None = None
    ) -> None:
        """Say what it is to be; `with` starts it.

        Raises:
            InfrastructureError: Ray is not installed.
        """
        command = program()
        if command is None:
            raise InfrastructureError("Ray is not installed", hint="pip install 'rewardsmith[cluster]'")
        self._ray, self._nodes, self._cpus, self._gpus = command, nodes, cpus, gpus
        self._place = Path(tempfile.mkdtemp(prefix="ray-", dir=os.environ.get("RAY_TMPDIR")))
        unwanted = ("RAY_ADDRESS", "RAY_AUTH_TOKEN")
        self._environ = {name: value for name, value in os.environ.items() if name not in unwanted}
        self._environ |= {"RAY_AUTH_MODE": "disabled", "RAY_raylet_start_wait_time_s": "120", **(environ or {})}
        self._dashboard = _free()
        self.address = f"http://127.0.0.1:{self._dashboard}"
        """Of the dashboard."""
        self.started: dict[int, subprocess.Popen[bytes]] = {}
        """By number: 0 is the head, the nodes follow. Each is the parent of its node's processes."""

    def __enter__(self) -> Rays:
        try:
            self.start_head()
            for number in range(1, self._nodes + 1):
                self.start_node(number)
            self._wait(self._takes_jobs, "its jobs")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for number in sorted(self.started, reverse=True):
            self.kill(number)
        shutil.rmtree(self._place, ignore_errors=True)

    def jobs(self) -> RayJobs:
        """Its Jobs interface."""
        return RayJobs(RaySpec(address=self.address))

    def start_head(self) -> None:
        """Start the head, and wait until it answers; nodes of an earlier one are none of it, and end by themselves."""
        self._port = _free()
        dashboard = ("--dashboard-host=127.0.0.1", f"--dashboard-port={self._dashboard}")
        self._start(0, "--head", f"--port={self._port}", "--num-cpus=0", "--num-gpus=0", *dashboard)
        self._wait(self._answers, "its head")

    def start_node(self, number: int) -> None:
        """Start a node, and wait until it has joined."""
        amounts = (f"--num-cpus={self._cpus:g}", f"--num-gpus={self._gpus:g}")
        self._start(number, f"--address=127.0.0.1:{self._port}", *amounts)
        self._wait(lambda: f"127.0.0.{number + 1}" in [node.name for node in self.jobs().nodes()], f"node {number}")

    def kill(self, number: int) -> None:
        """Kill a node as a power cut would but for jobs: of those Ray's own processes have to take care."""
        started = self.started.pop(number)
        kill_tree(started.pid)
        started.wait()

    def kill_raylet(self, number: int) -> None:
        """Kill the one process of a node through which all others hear of the cluster."""
        for pid in descendants(self.started[number].pid):
            with contextlib.suppress(OSError):
                if Path(f"/proc/{pid}/comm").read_text().strip() == "raylet":
                    os.kill(pid, signal.SIGKILL)

    def _start(self, number: int, *arguments: str) -> None:
        common = ("--block", "--disable-usage-stats", f"--object-store-memory={_OBJECTS}")
        where = (f"--node-ip-address=127.0.0.{number + 1}", *((f"--temp-dir={self._place}",) if number == 0 else ()))
        with (self._place / f"{number}.log").open("ab") as log:
            self.started[number] = subprocess.Popen(
                [self._ray, "start", *common, *where, *arguments],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _answers(self) -> bool:
        try:
            return bool(self.jobs().version() and self.jobs().nodes())
        except InfrastructureError:
            return False

    def _takes_jobs(self) -> bool:
        try:
            self.jobs().submit("first", "exec true", RaySpec(address=self.address, cpus=0.01))
        except InfrastructureError:  # agents join a while after their nodes
            return False
        return True

    def _wait(self, there: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _START_S
        while not there():
            ended = [number for number, process in self.started.items() if process.poll() is not None]
            if ended or time.monotonic() > deadline:
                logs = "\n".join(log.read_text(errors="replace")[-1500:] for log in self._place.glob("*.log"))
                raise InfrastructureError(f"Ray does not start {what}: {logs}")
            time.sleep(0.2)


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
