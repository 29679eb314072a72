"""Many runs submitted at once to several servers with instant trainings: each ends once, whatever is killed meanwhile.

Everything is real, servers, a driver's process for each run, gates, database, but the trainings: one run is trained
first, and every further one, being asked for the same, is handed that one's files.

`python -m benchmarks.crowd [--database postgres] [--runs 200] [--at-once 4] [--kill-every SECONDS] [--minutes M]`
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from benchmarks.cluster import Cluster
from rewardsmith.app import Settings, Workshop
from rewardsmith.domain.events import AttemptEnded, StatusChanged
from rewardsmith.domain.job import Job
from rewardsmith.domain.run import ENDED
from rewardsmith.errors import DatabaseAway
from rewardsmith.executors.executor import Done, Lost
from rewardsmith.settings import EvolveRequest
from rewardsmith.store.checking import check
from rewardsmith.store.store import Store

ASKED = {"task": "cartpole", "budget": "quick", "iters": 1, "k": 1, "steps": 500, "baselines": [], "race": False}
_TEMPLATE = "template"
_TRAININGS = 4
"""Trainings of such a run: one of the search, three that confirm it."""
_PATIENCE_S = 120


class HandedOut:
    """An executor whose jobs are done as soon as they are started: with the files of the run that was trained."""

    slots = 2

    def __init__(self, runs: Path) -> None:
        self._runs = runs

    def start(self, folder: Path, job: Job, *, resume_from: Path | None = None) -> None:  # noqa: ARG002
        """Put the files there, in one step."""
        out = folder / "out"
        if not out.exists():
            folder.mkdir(parents=True, exist_ok=True)
            below = folder.relative_to(self._runs).parts[1:-1]
            with tempfile.TemporaryDirectory(dir=folder) as place:
                shutil.copytree(self._runs.joinpath(_TEMPLATE, *below, "try-0", "out"), Path(place) / "out")
                with contextlib.suppress(OSError):
                    (Path(place) / "out").rename(out)

    def poll(self, folder: Path) -> Done | Lost:
        """Done, if it was started."""
        return Done(folder / "out") if (folder / "out").exists() else Lost("its driver was killed before it began")

    def stop(self, folder: Path) -> None:
        """There is nothing to stop."""


class Crowd:
    """Servers on one folder and one database, and the runs that they were given."""

    def __init__(self, folder: Path, database: str | None, servers: int, at_once: int) -> None:
        """Train the first run, then start the servers."""
        self.runs = folder / "runs"
        self.database = database or str(self.runs / "rewardsmith.db")
        self._folder, self._at_once = folder, at_once
        self._log = (folder / "servers.txt").open("a")
        _train(Settings(runs=self.runs, database=database))
        self._ports = [18080 + random.randrange(20000) for _ in range(servers)]
        self._servers = [self._serve(port) for port in self._ports]
        self.submitted: list[str] = []
        self.killed: Counter[str] = Counter()

    def _serve(self, port: int) -> subprocess.Popen[bytes]:
        place = {"REWARDSMITH_RUNS_DIR": str(self.runs), "REWARDSMITH_DATABASE": self.database}
        command = [sys.executable, "-m", "benchmarks.crowd", "serve", str(port), str(self._at_once)]
        return subprocess.Popen(command, env=os.environ | place, stdout=self._log, stderr=self._log)

    def submit(self, many: int) -> None:
        """Submit so many runs at once, each under a key of its own, until some server has taken it."""
        first = len(self.submitted)
        with ThreadPoolExecutor(32) as pool:
            self.submitted += pool.map(self._submit, range(first, first + many))

    def _submit(self, number: int) -> str:
        deadline = time.monotonic() + 600
        while True:
            port = random.choice(self._ports)
            with contextlib.suppress(httpx.TransportError):
                key = {"Idempotency-Key": f"run-{number}"}
                answer = httpx.post(f"http://127.0.0.1:{port}/v1/runs", json=ASKED, headers=key, timeout=120)
                if answer.status_code == 202:
                    return str(answer.json()["id"])
                assert answer.status_code == 503, answer.text
            assert time.monotonic() < deadline, "no server takes runs"
            time.sleep(0.5)

    def kill_something(self, cluster: Cluster | None) -> None:
        """A server, which starts again, a driver, or the database, which comes back after some seconds."""
        kind = random.choice(["server", "driver", "driver"] + (["database"] if cluster else []))
        if kind == "server":
            which = random.randrange(len(self._servers))
            self._servers[which].kill()
            self._servers[which].wait()
            self._servers[which] = self._serve(self._ports[which])
        elif kind == "driver":
            drivers = self._drivers()
            if not drivers:
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(random.choice(drivers), signal.SIGKILL)
        elif cluster:
            cluster.stop("immediate")
            time.sleep(random.uniform(0, 10))
            cluster.start()
        self.killed[kind] += 1

    def _drivers(self) -> list[int]:
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (place / "cmdline").read_bytes().split(b"\0")
                ours = f"REWARDSMITH_RUNS_DIR={self.runs}".encode() in (place / "environ").read_bytes().split(b"\0")
                if ours and b"benchmarks.crowd" in words and b"drive" in words:
                    found.append(int(place.name))
        return found

    def wait(self, patience_s: float = _PATIENCE_S) -> None:
        """Wait until every run has ended, or none has for a while."""
        left, since = len(self.submitted), time.monotonic()
        while left and time.monotonic() - since < patience_s:
            time.sleep(1)
            now = self.under_way()
            left, since = (now, time.monotonic()) if now < left else (left, since)

    def under_way(self) -> int:
        """How many have not ended. Raises DatabaseAway."""
        store = Store.open(self.database)
        try:
            return sum(not _ended(store, run) for run in self.submitted)
        finally:
            store.close()

    def verdict(self) -> list[str]:
        """What is wrong; nothing where every server is up, each run ended once, with each training reported once."""
        wrong = ["a server ended" for server in self._servers if server.poll() is not None]
        wrong += [f"{fault.row}: {fault.message}" for fault in check(self.database).faults]
        if len(set(self.submitted)) != len(self.submitted):
            wrong.append("two requests got one run")
        store = Store.open(self.database)
        known = {row.id for row in store.runs()} - {_TEMPLATE}
        if known != set(self.submitted):
            wrong.append(f"{len(known)} runs are there, and {len(set(self.submitted))} were submitted")
        for run in self.submitted:
            events = [stored.event for stored in store.events(run)]
            ends = [event.status for event in events if isinstance(event, StatusChanged) and event.status in ENDED]
            trained = [event.attempt.key for event in events if isinstance(event, AttemptEnded) and event.report]
            if ends != ["done"] or events[-1].kind != "status_changed":
                wrong.append(f"{run} ended with {ends or 'nothing'}")
            if not len(set(trained)) == len(trained) == _TRAININGS:
                wrong.append(f"{run} reports {len(trained)} trainings, {len(set(trained))} of them different")
        store.close()
        return wrong

    def close(self) -> None:
        """End the servers and their drivers."""
        for server in self._servers:
            server.terminate()
        for server in self._servers:
            server.wait()
        self._log.close()


def _ended(store: Store, run: str) -> bool:
    return store.page_of(run, store.row(run).last_event - 1, 1)[-1].ends


def _train(settings: Settings) -> None:
    workshop = Workshop(settings)
    asked = {name: ASKED[name] for name in ("budget", "k", "steps", "race")}
    more: dict[str, Any] = asked | {"env": ASKED["task"], "iterations": ASKED["iters"], "baselines": ()}
    spec, plan = workshop.prepare(EvolveRequest(name=_TEMPLATE, **more))
    workshop.evolve(spec, plan, lambda *_: None)
    workshop.store.close()


def storm(crowd: Crowd, cluster: Cluster | None, seconds: float, every_s: float, at_a_time: int) -> None:
    """Keep some runs under way, and kill something now and then, for so long."""
    over = threading.Event()

    def kill() -> None:
        while not over.wait(random.expovariate(1 / every_s)):
            crowd.kill_something(cluster)

    killing = threading.Thread(target=kill)
    killing.start()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(DatabaseAway):
            crowd.submit(at_a_time - crowd.under_way())
        time.sleep(1)
    over.set()
    killing.join()


def main(arguments: Sequence[str]) -> None:
    """Submit, wait, judge, and print; or be one of the servers or drivers."""
    place = Settings(
        runs=Path(os.environ.get("REWARDSMITH_RUNS_DIR", "")), database=os.environ.get("REWARDSMITH_DATABASE")
    )
    if arguments[:1] == ["serve"]:
        _be_server(place, int(arguments[1]), int(arguments[2]))
        return
    if arguments[:1] == ["drive"]:
        _be_driver(place, int(arguments[arguments.index("--runs-at-once") + 1]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--servers", type=int, default=2)
    parser.add_argument("--kill-every", type=float, default=0, help="mean seconds; 0 kills nothing")
    parser.add_argument("--minutes", type=float, default=5, help="how long, where something is killed")
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    given = parser.parse_args(arguments)
    cluster = Cluster(durable=True) if given.database == "postgres" else None
    with tempfile.TemporaryDirectory() as folder:
        crowd = Crowd(Path(folder), cluster.make("crowd") if cluster else None, given.servers, given.at_once)
        try:
            start = time.monotonic()
            if given.kill_every:
                storm(crowd, cluster, given.minutes * 60, given.kill_every, at_a_time=2 * given.at_once)
            else:
                crowd.submit(given.runs)
            print(
                f"{given.database}: {len(crowd.submitted)} runs taken after {time.monotonic() - start:.0f} s",
                flush=True,
            )
            crowd.wait()
            print(f"ended after {time.monotonic() - start:.0f} s; killed: {dict(crowd.killed) or 'nothing'}")
            wrong = crowd.verdict()
            print("\n".join(wrong) or "every run ended once, and every training is reported once")
        finally:
            crowd.close()
            if cluster:
                cluster.remove()
    sys.exit(bool(wrong))


def _place() -> Settings:
    return Settings(runs=Path(os.environ["REWARDSMITH_RUNS_DIR"]), database=os.environ["REWARDSMITH_DATABASE"])


def _be_server(settings: Settings, port: int, at_once: int) -> None:
    from rewardsmith.service import drivers
    from rewardsmith.service.server import listen, serve

    drivers.DRIVE = ("-m", "benchmarks.crowd", "drive")
    workshop = Workshop(settings)
    workshop.store = Store.open(workshop.database, patient=True)
    with listen("127.0.0.1", port, workshop.store.keys) as listening:
        serve(workshop, listening, at_once, print)


def _be_driver(settings: Settings, at_once: int) -> None:
    from rewardsmith.service.desk import Desk

    workshop = Workshop(settings)
    workshop.executor = HandedOut(settings.runs.resolve())
    Desk(workshop).drive(at_once, lambda *_: None)


if __name__ == "__main__":
    main(sys.argv[1:])
