"""Candidates per hour on clusters larger than this machine: the run's own scheduling code in virtual time.

    python -m benchmarks.scaling [--hours 1.0] [--slots 16] [--fail 500] [--times 10]

Who trains next, who goes on, who is stopped and who is compared is decided by the code that decides it in a run (see
`benchmarks.replay`); trainings are the recorded ones of ant. What they wait for is drawn from what
`benchmarks.scaling_measured` measured on a real cluster and wrote into `benchmarks/scaling.json`:

- jobs are taken by the head one after another, and started, and load what they train with;
- nodes die, once in so many hours each, are noticed 17 s later, and their trainings go on elsewhere from the last rung;
- each training takes processor time of the one process that drives its run, which also looks at every job that is
  under way: where that is more than it can do, it looks later;
- each event of any run is written by the store, one after another; those that tell how far trainings are, every 5 s of
  all of a run at once, are counted in its share, and looks at jobs in the head's, but nobody waits for either here:
  above 100 % it could not keep up.

Columns: `slots`: trainings that the cluster holds; `runs x K`: runs side by side, and candidates of a generation;
`candidates/h`: whose search training ended within the hours; `busy`: share of the slots' time in which something
trained; `driver`: share of one core that the busiest driver takes; `store`: of the events that the store can write, the
share that it does; `head`: share of its time that it answers in; `lost`: trainings that lost their node.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cluster_simulated import HOUR, Driver, Site, Trained, looks_at
from benchmarks.recorded import Curves, read
from benchmarks.replay import FoldedJournal, Method, VirtualLoop, spec_of_replay
from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.recipes import load_recipe
from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.events import Screened
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.run import Run
from rewardsmith.executors.ray_looks import LOOK_S
from rewardsmith.reports.words import table
from rewardsmith.search.following import PROGRESS_S
from rewardsmith.search.ledger import Ledger
from rewardsmith.search.racing import Race

MEASURED = Path(__file__).parent / "scaling.json"
NODES = (1, 10, 100)
GENERATIONS = 5


async def searches(curves: Curves, recipe: Recipe, site: Site, k: int, workers: int, seed: int, until: float) -> int:
    """Candidates whose search training ended before that time, of runs that follow each other."""
    generator, driver, ended = random.Random(seed), Driver(site), 0
    site.drivers.append(driver)
    while asyncio.get_running_loop().time() < until:
        ended += await _search(curves, recipe, driver, k, workers, generator, until)
    return ended


async def _search(
    curves: Curves, recipe: Recipe, driver: Driver, k: int, workers: int, generator: random.Random, until: float
) -> int:
    spec = spec_of_replay(curves, Method("scaling", recipe, k=k, generations=GENERATIONS), workers)
    run = Run(spec=spec)
    journal: Any = FoldedJournal(run)
    seeds = dict.fromkeys(("search", "compare", "confirm"), curves.seeds[0])
    trainings: Any = Trained(curves, journal, workers, seeds, Ledger(spec, recipe), driver=driver, rungs=curves.rungs)
    race = Race(spec, recipe, journal, trainings, lambda: None)
    names, loop, ended = sorted(curves.candidates), asyncio.get_running_loop(), 0

    async def one(candidate: Candidate) -> None:
        nonlocal ended
        await race.train(candidate)
        ended += loop.time() <= until

    for generation in range(1, GENERATIONS + 1):
        candidates = [
            Candidate(generation=generation, slot=slot, origin="proposed", source=name, reward_id=name)
            for slot, name in enumerate(generator.choices(names, k=k))
        ]
        await journal.append(*(Screened(candidate=candidate) for candidate in candidates))
        await asyncio.gather(*(one(candidate) for candidate in candidates))
        await race.together(candidates)
        if loop.time() >= until:
            break
    return ended


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    nodes: int
    runs: int
    k: int
    database: str


def row(measured: dict[str, Any], case: Case, options: argparse.Namespace) -> list[str]:
    """Some hours of so many runs side by side on so many nodes."""
    curves, recipe = read("ant"), load_recipe("smith", find_folders())
    slots = case.nodes * options.slots
    loop = VirtualLoop()

    async def together() -> tuple[Site, list[int]]:
        site = Site(measured, slots, case.database, options.fail, options.times, random.Random(0))
        until, workers = options.hours * HOUR, min(slots, case.k)
        begun = [searches(curves, recipe, site, case.k, workers, seed, until) for seed in range(case.runs)]
        return site, await asyncio.gather(*begun)

    try:
        site, ended = loop.run_until_complete(together())
        took = loop.time()
    finally:
        loop.close()
    busiest = max((driver.work.busy_s + driver.looked_s) / took for driver in site.drivers)
    return [
        f"{case.nodes}",
        f"{slots}",
        f"{case.runs} x {case.k}",
        case.database,
        f"{sum(ended) / options.hours:,.0f}",
        f"{site.trained_s / (slots * took):.0%}",
        f"{busiest:.1%}",
        f"{site.store.busy_s / took:.1%}",
        f"{site.head.busy_s / took:.1%}",
        f"{site.lost / max(1, site.trainings):.2%}",
    ]


def limits(measured: dict[str, Any]) -> list[list[str]]:
    """Where each part of the machinery has no more to give, whatever the cluster holds."""
    books = measured["bookkeeping"]
    events, training_s = books["events"] / books["k"], books["processor_s"] / books["k"]
    head, run_s = measured["head"], 360.0
    lists, looks = LOOK_S * head["listed_per_s"], head["looks_per_s"] * run_s / looks_at(run_s)
    found = [
        [f"one driver: jobs listed every {LOOK_S:g} s", f"{LOOK_S / head['listed_processor_s']:,.0f} at a time"],
        ["one driver: candidates written down", f"{HOUR / training_s:,.0f} an hour"],
        [f"one head: one run's jobs, listed every {LOOK_S:g} s", f"{lists:,.0f} at a time"],
        [f"one head: many runs' jobs of {run_s / 60:g} min, asked for one by one", f"{looks:,.0f} at a time"],
    ]
    for database in ("sqlite", "postgres"):
        rate, told = (measured[database][f"{what}_per_s_together"] for what in ("events", "told"))
        found.append([f"{database}: {rate:,.0f} events/s", f"{rate * HOUR / events:,.0f} candidates an hour"])
        found.append([f"{database}: how far trainings of runs of 16 are", f"{told * PROGRESS_S:,.0f} at a time"])
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print two tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--slots", type=int, default=16, help="of a node")
    parser.add_argument("--times", type=float, default=10.0, help="as long as the recorded trainings")
    parser.add_argument("--fail", type=float, default=500.0, help="hours between two deaths of a node")
    options = parser.parse_args(arguments)
    measured = json.loads(MEASURED.read_text())
    cases = [
        Case(nodes, runs, k, database)
        for nodes in NODES
        for runs, k, databases in (
            (1, 16, ("sqlite",)),
            (1, 64, ("sqlite",)),
            (nodes, 16, ("sqlite", "postgres")),
        )
        for database in databases
    ]
    rows = [row(measured, case, options) for case in dict.fromkeys(cases)]
    header = ["nodes", "slots", "runs x K", "store", "candidates/h", "busy", "driver", "store", "head", "lost"]
    print(table(header, rows, markdown=True))
    print()
    print(table(["what", "gives"], limits(measured), markdown=True))


if __name__ == "__main__":
    main()
