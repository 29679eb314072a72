"""What the simulation of `benchmarks.scaling` is driven with, measured on this machine; printed as JSON.

    python -m benchmarks.scaling_measured [--trainings 12] > benchmarks/scaling.json

- trainings on a real Ray cluster of one node with two cores: how long a job takes to be submitted, to run, and to load
  what it trains with, each a list of seconds; needs the extra `cluster`;
- the head: answers per second to one who asks how jobs are;
- the orchestrator: processor seconds of a training's bookkeeping (`benchmarks.bookkeeping`), of a poll that asks the
  head, and of one that does not;
- the store: events per second, of one run and of eight at once, in SQLite and in PostgreSQL that flushes to the disk.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.cluster import Cluster
from benchmarks.rays import Rays
from rewardsmith.app import Settings, Workshop
from rewardsmith.domain.cluster import RaySpec
from rewardsmith.domain.events import GenerationEnded
from rewardsmith.domain.job import RewardSpec
from rewardsmith.executors.executor import Done
from rewardsmith.executors.ray import RayExecutor
from rewardsmith.search.planning import budget_of
from rewardsmith.search.training import read_report, train_job
from rewardsmith.store.leases import Owner
from rewardsmith.store.store import Store

EVENT = GenerationEnded(generation=1, best=None, best_overall=None)
STEPS = 2048
SLOTS = 2
WRITERS = 8
APPENDS = 200
ASKS = 200


def trainings(workshop: Workshop, count: int) -> dict[str, list[float]]:
    """Short trainings on the cluster, as many at a time as it has room for."""
    task = workshop.task("cartpole")
    found, _ = workshop.survey(task)
    executor = workshop.executor
    assert isinstance(executor, RayExecutor)
    job = train_job(task, found, RewardSpec(kind="human", reward_id="human"), budget_of(task, "quick", STEPS), seed=0)

    def one(number: int) -> tuple[float, float, float]:
        folder = workshop.place / "scaling" / str(number)
        begun = time.monotonic()
        executor.start(folder, job)
        submitted = time.monotonic()
        while (at := executor.jobs.look(executor.name_of(folder))) is None or at.status == "PENDING":
            time.sleep(0.05)
        running = time.monotonic()
        while not (folder / "result.json").exists():
            time.sleep(0.01)
        ended = time.monotonic()
        state = executor.poll(folder)
        assert isinstance(state, Done)
        report = read_report(state.folder, job)
        return submitted - begun, running - submitted, ended - running - report.wall_s

    with ThreadPoolExecutor(SLOTS) as pool:
        columns = zip(*pool.map(one, range(count)), strict=True)
        named = zip(("submit", "queue", "load"), columns, strict=True)
        return {name: [round(seconds, 3) for seconds in column] for name, column in named}


def polls(executor: RayExecutor, folder: Path) -> dict[str, float]:
    """Processor seconds of a look at the head, and of a poll that believes the last one; answers per second."""
    asked = _processor(lambda: executor.jobs.look(executor.name_of(folder)))
    begun = time.perf_counter()
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(lambda _: executor.jobs.look("none"), range(ASKS)))
    rate = ASKS / (time.perf_counter() - begun)
    return {"look_processor_s": asked, "looks_per_s": round(rate, 1)}


def store(make: Callable[[int], str | Path]) -> dict[str, float]:
    """Events per second, of one run and of eight at once in processes of their own; processor seconds of one."""
    place = make(0)
    opened = Store.open(place)
    opened.create("run")
    lease = opened.claim("run", owner=Owner.current())
    begun, processor = time.perf_counter(), time.process_time()
    for _ in range(APPENDS):
        opened.append(lease, [EVENT])
    alone, spent = time.perf_counter() - begun, time.process_time() - processor
    opened.close()
    command = [sys.executable, "-m", "benchmarks.scaling_measured", "--append-to", str(place), "--as"]
    writers = [subprocess.Popen([*command, f"w{n}"], stdout=subprocess.PIPE, text=True) for n in range(WRITERS)]
    spans = [json.loads(writer.communicate()[0]) for writer in writers]
    together = max(end for _, end in spans) - min(begin for begin, _ in spans)
    return {
        "events_per_s_alone": round(APPENDS / alone, 1),
        "events_per_s_together": round(WRITERS * APPENDS / together, 1),
        "event_processor_s": round(spent / APPENDS, 6),
    }


def append(place: str, run: str) -> None:
    """One of eight writers: when it began and ended, by the machine's clock."""
    opened = Store.open(place if "://" in place else Path(place))
    opened.create(run)
    lease = opened.claim(run, owner=Owner.current())
    begun = time.monotonic()
    for _ in range(APPENDS):
        opened.append(lease, [EVENT])
    print(json.dumps([begun, time.monotonic()]))


def _processor(ask: Callable[[], object]) -> float:
    begun = time.process_time()
    for _ in range(ASKS):
        ask()
    return round((time.process_time() - begun) / ASKS, 6)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trainings", type=int, default=12)
    parser.add_argument("--append-to", help=argparse.SUPPRESS)
    parser.add_argument("--as", dest="run", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.append_to:
        append(options.append_to, options.run)
        return
    found: dict[str, Any] = {}
    books = [sys.executable, "-m", "benchmarks.bookkeeping", "--k", "64"]
    found["bookkeeping"] = json.loads(subprocess.run(books, stdout=subprocess.PIPE, check=True).stdout)
    with tempfile.TemporaryDirectory() as made:
        found["sqlite"] = store(lambda n: Path(made) / f"{n}.db")
        postgres = Cluster(durable=True)
        try:
            found["postgres"] = store(lambda n: postgres.make(f"n{n}"))
        finally:
            postgres.remove()
        with Rays(nodes=1, cpus=SLOTS) as cluster:
            ray = RaySpec(address=cluster.address, python=sys.executable)
            workshop = Workshop(Settings(runs=Path(made) / "runs", executor="ray", ray=ray))
            found["trainings"] = trainings(workshop, options.trainings)
            assert isinstance(workshop.executor, RayExecutor)
            found["head"] = polls(workshop.executor, workshop.place / "scaling" / "0")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
