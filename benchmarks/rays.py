"""A Ray cluster of one's own on this machine, for tests and benchmarks, which may kill any part of it.

Needs the extra `cluster`, or its program `ray` on PATH from an environment of its own: nothing here imports Ray. Each
node has an address of its own, and declares what the caller says, whatever the machine has.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.networks import Loopback, Network
from rewardsmith.domain.cluster import RaySpec
from rewardsmith.errors import InfrastructureError
from rewardsmith.executors.ray_jobs import RayJobs
from rewardsmith.sandboxes.tree import descendants, kill_tree

_START_S = 300.0
_OBJECTS = 100_000_000
"""Bytes of the store of objects, which jobs do not use."""
_HEAD, _REDIS = 0, -1


def program() -> str | None:
    """The command `ray`: beside this interpreter, or on PATH; None where it is not installed."""
    beside = Path(sys.executable).with_name("ray")
    return str(beside) if beside.exists() else shutil.which("ray")


class Rays:
    """A head that runs no job, and nodes. Use as a context manager; nothing of it is left."""

    def __init__(
        self,
        *,
        nodes: int = 1,
        cpus: float = 1,
        gpus: float = 0,
        environ: dict[str, str] | None = None,
        network: Network | None = None,
        redis: bool = False,
    ) -> None:
        """Say what it is to be; `with` starts it.

        Args:
            nodes: How many, beside the head.
            cpus: What each declares.
            gpus: The same.
            environ: Variables of all its processes.
            network: Where they have their addresses; the loopback when absent.
            redis: Whether the head keeps what it knows in a Redis, which outlives it.

        Raises:
            InfrastructureError: Ray or Redis is not installed.
        """
        command = program()
        if command is None:
            raise InfrastructureError("Ray is not installed", hint="pip install 'rewardsmith[cluster]'")
        if redis and not shutil.which("redis-server"):
            raise InfrastructureError("Redis is not installed", hint="apt-get install redis-server")
        self._ray, self._nodes, self._cpus, self._gpus = command, nodes, cpus, gpus
        self._place = Path(tempfile.mkdtemp(prefix="ray-", dir=os.environ.get("RAY_TMPDIR")))
        unwanted = ("RAY_ADDRESS", "RAY_AUTH_TOKEN")
        self.environ = {name: value for name, value in os.environ.items() if name not in unwanted}
        self.environ |= {"RAY_AUTH_MODE": "disabled", "RAY_raylet_start_wait_time_s": "120", **(environ or {})}
        self.network = network or Loopback()
        self._redis = self.network.port(6379) + 1 if redis else None
        self._port, self._dashboard = self.network.port(6379), self.network.port(8265)
        self.address = f"http://{self.network.join(0)}:{self._dashboard}"
        """Of the dashboard."""
        self.started: dict[int, subprocess.Popen[bytes]] = {}
        """By number: 0 is the head, the nodes follow, -1 is Redis. Each is the parent of its node's processes."""

    def __enter__(self) -> Rays:
        try:
            if self._redis:
                self._start_redis()
            self.mend()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for number in sorted(self.started, reverse=True):
            self.kill(number)
        self.network.close()
        shutil.rmtree(self._place, ignore_errors=True)

    def mend(self) -> None:
        """Start whatever of it is dead."""
        for number in [number for number, process in self.started.items() if process.poll() is not None]:
            self.kill(number)
        if _HEAD not in self.started:
            self.start_head()
        for number in range(1, self._nodes + 1):
            if number not in self.started:
                self.start_node(number)
        self._wait(_HEAD, self._takes_jobs)

    def jobs(self) -> RayJobs:
        """Its Jobs interface."""
        return RayJobs(RaySpec(address=self.address))

    def start_head(self) -> None:
        """Start the head, and wait until it answers. Without Redis nodes of an earlier one are none of it."""
        (self._place / "ray_current_cluster").unlink(missing_ok=True)  # it would take the nodes for a head that runs
        where = (f"--dashboard-host={self.network.join(_HEAD)}", f"--dashboard-port={self._dashboard}")
        self._start(_HEAD, "--head", f"--port={self._port}", "--num-cpus=0", "--num-gpus=0", *where)
        self._wait(_HEAD, self._answers)

    def start_node(self, number: int) -> None:
        """Start a node, and wait until it has joined."""
        amounts = (f"--num-cpus={self._cpus:g}", f"--num-gpus={self._gpus:g}")
        self._start(number, f"--address={self.network.join(_HEAD)}:{self._port}", *amounts)
        self._wait(number, lambda: self.network.join(number) in self.nodes())

    def nodes(self) -> list[str]:
        """Addresses of those that live, by the head's word."""
        return [node.name for node in self.jobs().nodes()]

    def begun(self) -> set[str]:
        """Names of all jobs that a node ever began to run; it writes that down before anything else."""
        logs = self._place.glob("session_2*/logs/job-driver-*.log")
        return {log.stem for log in logs if "Running entrypoint" in log.read_text(errors="replace")}

    def node_of(self, pid: int) -> int:
        """Number of the node on which a process runs."""
        return next(number for number, each in self.started.items() if pid in descendants(each.pid))

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
        where = (f"--node-ip-address={self.network.join(number)}", *_only(number == _HEAD, f"--temp-dir={self._place}"))
        command = [*self.network.inside(number), self._ray, "start", *common, *where, *arguments]
        kept = {"RAY_REDIS_ADDRESS": f"{self.network.host}:{self._redis}"} if self._redis and number == _HEAD else {}
        self._run(number, command, self.environ | kept)

    def _start_redis(self) -> None:
        where = ("--bind", self.network.host, "--port", str(self._redis), "--dir", str(self._place))
        self._run(_REDIS, ["redis-server", *where, "--protected-mode", "no", "--save", ""], self.environ)

    def _run(self, number: int, command: list[str], environ: dict[str, str]) -> None:
        with (self._place / f"{number}.log").open("ab") as log:
            self.started[number] = subprocess.Popen(
                command, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
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

    def _wait(self, number: int, there: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _START_S
        while not there():
            if self.started[number].poll() is not None or time.monotonic() > deadline:
                log = (self._place / f"{number}.log").read_text(errors="replace")
                raise InfrastructureError(f"Ray does not start its node {number}: {log[-1500:]}")
            time.sleep(0.2)


def _only(whether: bool, word: str) -> tuple[str, ...]:
    return (word,) if whether else ()
