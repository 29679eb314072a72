"""What a generation costs beside its trainings: the store, the race, reading reports.

    python -m benchmarks.bookkeeping [--k 64] [--workers 8]

A generation of K candidates goes through the search's own race, trainings, journal and SQLite store; its workers end at
once and leave reports of full size. Two generations before it stand in the log, so that chances are estimated from
trainings that ended. Printed: seconds from the first candidate to the end of the generation, and its events.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
import time
from pathlib import Path
from typing import Any

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.recipes import load_recipe, recipe_files
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.events import GenerationEnded, RunStarted, Screened
from rewardsmith.domain.job import Job, TrainJob
from rewardsmith.domain.plan import Plan, RunSpec
from rewardsmith.domain.report import ComponentPoint, ComponentStatistics, Report, Rung
from rewardsmith.domain.run import Run
from rewardsmith.executors.executor import Done, Lost, Running
from rewardsmith.search.journal import Journal
from rewardsmith.search.racing import Race
from rewardsmith.search.training import Trainings
from rewardsmith.store.artifacts import RunFolder
from rewardsmith.store.leases import Owner
from rewardsmith.store.store import Store

BEFORE = 2
"""Generations that ended already."""


class InstantExecutor:
    """Every job is done when it is started: its report is written by its seed and its reward."""

    def __init__(self, slots: int) -> None:
        self.slots = slots

    def start(self, folder: Path, job: Job, *, resume_from: Path | None = None) -> None:
        """Write what a worker would have left."""
        del resume_from
        assert isinstance(job, TrainJob)
        out = folder / "out"
        (out / "checkpoint").mkdir(parents=True)
        (out / "checkpoint" / "current.json").write_text("{}")
        (out / "report.json").write_text(_report(job).model_dump_json(indent=1))

    def poll(self, folder: Path) -> Running | Done | Lost:
        """See `Executor`."""
        out = folder / "out"
        return Done(out) if (out / "report.json").exists() else Lost("never started")

    def stop(self, folder: Path) -> None:
        """See `Executor`."""


def _report(job: TrainJob) -> Report:
    """Ten components at ten points, as a report of a long training has."""
    generator = random.Random(job.reward.reward_id)
    quality, steps = generator.gauss(1.0, 0.5), job.steps // job.rungs
    rungs = []
    for number in range(1, job.last + 1):
        scores = tuple(quality * number / job.rungs + generator.gauss(0, 0.1) for _ in range(job.episodes))
        mean = sum(scores) / len(scores)
        rungs.append(Rung(steps=steps * number, scores=scores, mean=mean, lengths=(100,) * job.episodes))
    points = [
        ComponentPoint(steps=steps * job.last * n // 10, mean=0.5, std=0.1, low=0.0, high=1.0, share=0.1)
        for n in range(1, 11)
    ]
    means = [rung.mean for rung in rungs]
    return Report(
        reward_id=job.reward.reward_id,
        seed=job.seed,
        steps=steps * job.last,
        scoring_steps=100 * job.episodes * job.last,
        wall_s=1.0,
        steps_per_second=1000.0,
        rungs=tuple(rungs),
        best_rung=means.index(max(means)),
        components=tuple(ComponentStatistics(name=f"term_{n}", points=tuple(points)) for n in range(10)),
    )


async def _generation(race: Race, journal: Journal, number: int, k: int) -> tuple[float, float]:
    """Seconds that one generation takes, by the clock and of a processor."""
    candidates = [
        Candidate(generation=number, slot=slot, origin="proposed", source="...", reward_id=f"{number:06}{slot:06}")
        for slot in range(k)
    ]
    begun = time.perf_counter(), time.process_time()
    for candidate in candidates:
        await journal.append(Screened(candidate=candidate))
    await asyncio.gather(*(race.train(candidate) for candidate in candidates))
    await race.together(candidates)
    await journal.append(GenerationEnded(generation=number, best=None, best_overall=None))
    return time.perf_counter() - begun[0], time.process_time() - begun[1]


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--k", type=int, default=64)
    parser.add_argument("--workers", type=int, default=8)
    options = parser.parse_args()
    folders = find_folders()
    task, recipe = load_task("ant", folders), load_recipe("smith", folders)
    spec = RunSpec(
        run="books",
        task=task,
        budget_name="standard",
        budget=task.budgets["standard"],
        recipe="smith",
        recipe_files=recipe_files("smith", folders),
        model="offline",
        iterations=BEFORE + 1,
        k=options.k,
        workers=options.workers,
    )
    with tempfile.TemporaryDirectory() as place:
        store = Store.open(Path(place) / "books.db")
        store.create("books")
        lease = store.claim("books", owner=Owner.current())
        journal = Journal(store, lease, Run(), lambda *_: None)
        executor, survey = InstantExecutor(options.workers), type("Survey", (), {"signals": ()})()
        folder = RunFolder(Path(place), "books")

        async def sleep(_: float) -> None:
            await asyncio.sleep(0)

        trainings = Trainings(journal, executor, folder, survey, recipe, sleep=sleep, clock=time.monotonic)
        race = Race(spec, recipe, journal, trainings, lambda: None)

        async def run() -> tuple[tuple[float, float], int]:
            plan = Plan(trainings=1, steps=1, completions=1, wall_s=None, dollars=None)
            await journal.append(RunStarted(spec=spec, plan=plan))
            for number in range(1, BEFORE + 1):
                await _generation(race, journal, number, options.k)
            before = journal.run.last_event
            return await _generation(race, journal, BEFORE + 1, options.k), journal.run.last_event - before

        (seconds, of_processor), events = asyncio.run(run())
        store.close()
    result: dict[str, Any] = {
        "k": options.k,
        "seconds": round(seconds, 2),
        "processor_s": round(of_processor, 2),
        "events": events,
    }
    result["stopped"] = sum(not raced.goes_on for raced in journal.run.raced.values())
    print(json.dumps(result))


if __name__ == "__main__":
    main()
