"""What the service bears: how fast it answers beside open streams, and how many events it writes and streams.

A server of its own, on SQLite or on a PostgreSQL of its own, with runs that this process drives in name only: it holds
their leases and writes events as drivers do, one transaction each, which a power cut would not undo. The streams are
read by this process too, on the same cores.

`python -m benchmarks.service [--database postgres] [--runs 100] [--streams 100] [--seconds 20] [--per-write 1]`
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.cluster import Cluster
from rewardsmith.app import Settings, Workshop
from rewardsmith.domain.events import Attempt, AttemptProgressed, AttemptStarted, Event
from rewardsmith.domain.job import Progress
from rewardsmith.domain.key import EVERYONE
from rewardsmith.domain.request import RunRequest
from rewardsmith.service.desk import Desk
from rewardsmith.store.leases import Lease, Owner
from rewardsmith.store.store import Store

_ATTEMPT = Attempt(purpose="search", subject="g1c00", seed=0)
_HISTORY = 200
"""Events that each run has before anything is measured."""
_BUSY = 20
"""Events a second that are written while requests are timed."""


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=int, default=1000, help="events a second that are to be written")
    parser.add_argument("--per-write", type=int, default=1, help="events of one transaction")
    arguments = parser.parse_args()
    print(f"load of the machine beforehand: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    cluster = Cluster(durable=True) if arguments.database == "postgres" else None
    try:
        with tempfile.TemporaryDirectory() as folder:
            _measure(arguments.database, Path(folder), cluster.make("load") if cluster else None, arguments)
    finally:
        if cluster:
            cluster.remove()


def _measure(name: str, folder: Path, database: str | None, arguments: argparse.Namespace) -> None:
    workshop = Workshop(Settings(runs=folder / "runs", database=database))
    leases = _runs(workshop, arguments.runs)
    with serving(folder, database) as (port, server):
        cold = asyncio.run(_asked(port, leases, 0, arguments.seconds, most=len(leases)))
        before = _processor_s(server)
        quiet = asyncio.run(_asked(port, leases, 0, arguments.seconds))
        each = (_processor_s(server) - before) / len(quiet) * 1e3
        over = threading.Event()
        busy = _Writer(workshop.store, leases, _BUSY, 1, over)
        busy.start()
        beside = asyncio.run(_asked(port, leases, arguments.streams, arguments.seconds))
        over.set()
        busy.join()
        written = asyncio.run(_streamed(port, workshop.store, leases, arguments))
    print(f"{name}: GET /v1/runs/RUN for the first time: {_quantiles(cold)}")
    print(f"{name}: again, no stream open: {_quantiles(quiet)}; {each:.1f} ms of the server's processor time each")
    print(f"{name}: the same, {arguments.streams} streams open, {_BUSY} events a second: {_quantiles(beside)}")
    print(f"{name}: {written}", flush=True)


def _runs(workshop: Workshop, many: int) -> list[Lease]:
    """So many runs with a history, held by this process."""
    desk, leases = Desk(workshop), []
    asked = RunRequest(task="cartpole", budget="quick", iters=1, k=1, steps=500, baselines=())
    for number in range(many):
        run = desk.submit(asked.model_copy(update={"name": f"run-{number}"}), EVERYONE).id
        leases.append(workshop.store.claim(run, owner=Owner.current(), ttl_s=3600))
        workshop.store.append(leases[-1], [AttemptStarted(attempt=_ATTEMPT), *map(progressed, range(_HISTORY))])
    return leases


def progressed(step: int) -> Event:
    return AttemptProgressed(attempt=_ATTEMPT, progress=Progress(steps=step, of=10**6, steps_per_second=1234.5))


@contextmanager
def serving(folder: Path, database: str | None) -> Iterator[tuple[int, int]]:
    """A server; its port, and its process."""
    place = ["--database", database] if database else []
    command = [sys.executable, "-m", "rewardsmith", "serve", "--port", "0", *place]
    server = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True, env=os.environ)
    try:
        assert server.stderr is not None
        found = next(match for line in server.stderr if (match := re.search(r"http://\S+:(\d+)", line)))
        yield int(found[1]), server.pid
    finally:
        server.terminate()
        server.wait()


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _asked(port: int, leases: Sequence[Lease], streams: int, seconds: float, most: int = 10**6) -> list[float]:
    """Milliseconds of one request after another, run by run, beside so many open streams."""
    seen: list[list[tuple[int, float]]] = [[] for _ in range(streams)]
    reading = [asyncio.create_task(_read(port, leases[n % len(leases)].run, own)) for n, own in enumerate(seen)]
    while any(len(own) < _HISTORY for own in seen):
        await asyncio.sleep(0.1)
    over = time.monotonic() + seconds
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    taken: list[float] = []
    while time.monotonic() < over and len(taken) < most:
        run = leases[len(taken) % len(leases)].run
        start = time.perf_counter()
        writer.write(f"GET /v1/runs/{run} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(re.search(rb"content-length: (\d+)", head)[1]))  # type: ignore[index]
        taken.append((time.perf_counter() - start) * 1e3)
        assert head.startswith(b"HTTP/1.1 200"), head
        await asyncio.sleep(0.01)
    writer.close()
    for task in reading:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)
    return taken


async def _read(port: int, run: str, seen: list[tuple[int, float]], after: int = 0) -> None:
    """Read a stream for good; the id of each event, and how many seconds after its time it came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    writer.write(f"GET /v1/runs/{run}/events HTTP/1.1\r\nHost: 127.0.0.1\r\nLast-Event-ID: {after}\r\n\r\n".encode())
    try:
        async for line in reader:
            if line.startswith(b"data: "):
                event = json.loads(line[6:])
                seen.append((event["id"], time.time() - event["time"]))
    finally:
        writer.close()


async def _streamed(port: int, store: Store, leases: Sequence[Lease], arguments: argparse.Namespace) -> str:
    """Write as fast as asked, each run's events read by one stream; what came of it."""
    seen: list[list[tuple[int, float]]] = [[] for _ in leases]
    last = {row.id: row.last_event for row in store.runs()}
    reading = [
        asyncio.create_task(_read(port, lease.run, own, last[lease.run]))
        for lease, own in zip(leases, seen, strict=True)
    ]
    await asyncio.sleep(1)
    writing = threading.Event()
    shares = [_Writer(store, leases[n::4], arguments.rate / 4, arguments.per_write, writing) for n in range(4)]
    start = time.monotonic()
    for share in shares:
        share.start()
    await asyncio.sleep(arguments.seconds)
    writing.set()
    for share in shares:
        await asyncio.to_thread(share.join)
    took = time.monotonic() - start
    written = sum(share.written for share in shares)
    deadline = time.monotonic() + 30
    while sum(map(len, seen)) < written and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    for task in reading:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)
    right = all(
        [each for each, _ in own] == [line.id for line in store.page_of(lease.run, last[lease.run], 10**6)]
        for lease, own in zip(leases, seen, strict=True)
    )
    late = [each * 1e3 for own in seen for _, each in own]
    said = "each streamed once and in order" if right else f"WRONG: {sum(map(len, seen))} streamed, or out of order"
    return f"{written / took:.0f} events a second written, {said}; later than written: {_quantiles(late)}"


class _Writer(threading.Thread):
    """Writes events to some runs in turn, at most so many a second, as their drivers would."""

    def __init__(
        self, store: Store, leases: Sequence[Lease], rate: float, per_write: int, over: threading.Event
    ) -> None:
        super().__init__()
        self._store, self._leases, self._rate, self._per_write, self._over = store, leases, rate, per_write, over
        self.written = 0

    def run(self) -> None:
        start = time.monotonic()
        while not self._over.is_set():
            lease = self._leases[self.written // self._per_write % len(self._leases)]
            self._store.append(lease, [progressed(self.written)] * self._per_write)
            self.written += self._per_write
            time.sleep(max(0.0, start + self.written / self._rate - time.monotonic()))


def _quantiles(times: Sequence[float]) -> str:
    cuts = statistics.quantiles(times, n=100)
    return f"median {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms, of {len(times)}"


if __name__ == "__main__":
    main()
