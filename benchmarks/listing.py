"""How long a page of the list of runs takes a server that has read nothing yet, among many runs.

All runs but ten are done, and those ten, the oldest, failed: whoever asks for them passes by all the others.

`python -m benchmarks.listing [--database postgres] [--runs 5000] [--events 40]`
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import httpx
from sqlalchemy import insert

from benchmarks.cluster import Cluster
from benchmarks.service import progressed, serving
from rewardsmith.app import Settings, Workshop
from rewardsmith.domain.events import EVENT, Attempt, AttemptStarted, Event, RunStarted, StatusChanged
from rewardsmith.domain.key import EVERYONE
from rewardsmith.domain.request import RunRequest
from rewardsmith.service.desk import Desk
from rewardsmith.store.schema import events, runs

_FAILED = 10
_QUERIES = ("?status=failed", "?status=failed", "?limit=50", "?limit=50", "?status=done&limit=50", "?status=running")


def main() -> None:
    """Fill a database, start a server on it, ask, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--events", type=int, default=40, help="events of each run")
    given = parser.parse_args()
    cluster = Cluster() if given.database == "postgres" else None
    try:
        with tempfile.TemporaryDirectory() as folder:
            place = cluster.make("listing") if cluster else None
            _fill(Workshop(Settings(runs=Path(folder) / "runs", database=place)), given.runs, given.events)
            with serving(Path(folder), place) as (port, _), httpx.Client(timeout=600) as client:
                client.get(f"http://127.0.0.1:{port}/healthz")
                for query in _QUERIES:
                    start = time.perf_counter()
                    answer = client.get(f"http://127.0.0.1:{port}/v1/runs{query}")
                    took = (time.perf_counter() - start) * 1e3
                    found = len(answer.raise_for_status().json()["runs"])
                    print(f"{given.database}, {given.runs} runs: {query:25} {took:8.1f} ms, {found} found", flush=True)
    finally:
        if cluster:
            cluster.remove()


def _fill(workshop: Workshop, many: int, events_each: int) -> None:
    asked = RunRequest(task="cartpole", budget="quick", iters=1, k=1, steps=500, baselines=())
    spec, plan = Desk(workshop).estimate(asked, EVERYONE)
    attempt = Attempt(purpose="search", subject="g1c00", seed=0)
    history = [_row(each) for each in (AttemptStarted(attempt=attempt), *map(progressed, range(events_each - 3)))]
    for number in range(many):
        run, status = f"run-{number}", "failed" if number < _FAILED else "done"
        started = RunStarted(spec=spec.model_copy(update={"run": run}), plan=plan)
        told = [_row(started), *history, _row(StatusChanged(status=status))]
        with workshop.store._database.transaction() as connection:
            connection.execute(insert(runs).values(id=run, created=number, status=status))
            connection.execute(insert(events), [row | {"run": run, "time": number} for row in told])
    workshop.store.close()


def _row(event: Event) -> dict[str, str]:
    return {"kind": event.kind, "data": EVENT.dump_json(event).decode()}


if __name__ == "__main__":
    main()
