"""What the simulation of `benchmarks.scaling` is driven with, measured on this machine; printed as JSON.

    python -m benchmarks.scaling_measured [--trainings 12] > benchmarks/scaling.json

- trainings on a real Ray cluster of one node with two cores: how long a job takes to be submitted, to run, and to load
  what it trains with, each a list of seconds; needs the extra `cluster`;
- the head: answers per second to one who asks how jobs are, and jobs per second to one who has all listed;
- the orchestrator: processor seconds of a training's bookkeeping (`benchmarks.bookkeeping`), of asking for a job, and
  of one job of a list;
- the store: events per second, of one run and of eight at once, and of eight that write sixteen at a time, as a run of
  sixteen trainings tells how far they are; in SQLite and in PostgreSQL that flushes to the disk.
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
from benchmarks.networks import best
from benchmarks.rays import Rays
from rewardsmith.app import Settings, Workshop
from rewardsmith.domain.cluster import RaySpec
from rewardsmith.domain.events import Attempt, AttemptProgressed
from rewardsmith.domain.job import Progress, RewardSpec
from rewardsmith.executors.executor import Done
from rewardsmith.executors.ray import RayExecutor
from rewardsmith.search.planning import budget_of
from rewardsmith.search.training import read_report, train_job
from rewardsmith.store.leases import Owner
from rewardsmith.store.store import Store

TOGETHER = 16
EVENTS = [
    AttemptProgressed(
        attempt=Attempt(purpose="search", subject=f"g1c{number:02}", seed=7),
        progress=Progress(steps=1000 * number, of=10**6, steps_per_second=1234.5, score=1.5),
    )
    for number in range(TOGETHER)
]
STEPS = 2048
SLOTS = 2
WRITERS = 8
APPENDS = 200
ASKS = 200
LISTED = 200


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
    """Processor seconds of asking for one job, and of one among all that are listed; jobs per second either way."""
    asked = _processor(lambda: executor.jobs.look(executor.name_of(folder)))
    begun = time.perf_counter()
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(lambda _: executor.jobs.look("none"), range(ASKS)))
    rate = ASKS / (time.perf_counter() - begun)
    waits = RaySpec(address=executor.jobs.address, cpus=1000.0)  # nothing of it runs
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(lambda n: executor.jobs.submit(f"waits-{n}", "exec true " + "x" * 2500, waits), range(LISTED)))
    count, times = len(executor.jobs.all()), ASKS // 10
    begun, processor = time.perf_counter(), time.process_time()
    for _ in range(times):
        executor.jobs.all()
    listed, spent = time.perf_counter() - begun, time.process_time() - processor
    return {
        "look_processor_s": asked,
        "looks_per_s": round(rate, 1),
        "listed_processor_s": round(spent / times / count, 6),
        "listed_per_s": round(times * count / listed, 1),
    }


def store(make: Callable[[int], str | Path]) -> dict[str, float]:
    """Events per second, of one run and of eight at once in processes of their own; processor seconds of one."""
    place = make(0)
    opened = Store.open(place)
    opened.create("run")
    lease = opened.claim("run", owner=Owner.current())
    begun, processor = time.perf_counter(), time.process_time()
    for _ in range(APPENDS):
        opened.append(lease, EVENTS[:1])
    alone, spent = time.perf_counter() - begun, time.process_time() - processor
    opened.close()
    return {
        "events_per_s_alone": round(APPENDS / alone, 1),
        "events_per_s_together": _together(place, 1),
        "told_per_s_together": _together(place, TOGETHER),
        "event_processor_s": round(spent / APPENDS, 6),
    }


def _together(place: str | Path, each: int) -> float:
    """Events per second of eight writers that write so many at a time."""
    command = [sys.executable, "-m", "benchmarks.scaling_measured", "--append-to", str(place), "--each", str(each)]
    named = [[*command, "--as", f"w{n}-{each}"] for n in range(WRITERS)]
    writers = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for words in named]
    spans: list[tuple[float, float]] = [json.loads(writer.communicate()[0]) for writer in writers]
    return round(WRITERS * APPENDS * each / (max(end for _, end in spans) - min(begin for begin, _ in spans)), 1)


def append(place: str, run: str, each: int) -> None:
    """One of eight writers: when it began and ended, by the machine's clock."""
    opened = Store.open(place if "://" in place else Path(place))
    opened.create(run)
    lease = opened.claim(run, owner=Owner.current())
    begun = time.monotonic()
    for _ in range(APPENDS):
        opened.append(lease, EVENTS[:each])
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
    parser.add_argument("--each", type=int, default=1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.append_to:
        append(options.append_to, options.run, options.each)
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
        with Rays(nodes=1, cpus=SLOTS, network=best()()) as cluster:
            ray = RaySpec(address=cluster.address, python=sys.executable)
            workshop = Workshop(Settings(runs=Path(made) / "runs", executor="ray", ray=ray))
            found["trainings"] = trainings(workshop, options.trainings)
            assert isinstance(workshop.executor, RayExecutor)
            found["head"] = polls(workshop.executor, workshop.place / "scaling" / "0")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
