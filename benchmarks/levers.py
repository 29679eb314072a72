"""Levers of the search that make new candidates, each switched on alone, live and at equal environment steps.

    python -m benchmarks.levers [--task half_cheetah] [--steps 30000] [--max-steps 600000] [--k 3] [--seeds 0 1 2]

The offline author searches with the recipe smith, without race and comparison, so that a lever is all that differs;
then with tuning, with crossing, with weighted parents, with a fresh start after each generation that brought nothing,
and with warm starts. Every search ends where its steps are used up, its confirmation included. Prints what the winners
are worth on fresh seeds, from scratch, and the difference to plain smith, paired by search seed, with a 95 % interval
(Student t). Runs lie in `--runs`; one that is done is not done again (`rewardsmith resume` ends an interrupted one).
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from scipy.stats import t as student

from rewardsmith.api import evolve
from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.recipes import recipe_files
from rewardsmith.domain.plan import StopSpec
from rewardsmith.domain.run import Run
from rewardsmith.reports.words import table
from rewardsmith.store.store import Store

LEVERS = {
    "plain": "",
    "tuning": "[tune]\ntrials = 2\n",
    "crossing": "[parents]\ncrossed = 0.34\n",
    "weighted parents": '[parents]\npolicy = "weighted"\n',
    "fresh start": "[parents]\nrestart_after = 1\n",
    "warm start": "[parents]\nwarm_start = 0.5\n",
}
PLAIN = "\n[confirm]\nleaders = 1\n"


def main() -> None:
    """Search what is not searched yet, then print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--task", default="half_cheetah")
    parser.add_argument("--steps", type=int, default=30_000)
    parser.add_argument("--max-steps", type=int, default=600_000)
    parser.add_argument("--k", type=int, default=3)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--levers", nargs="+", default=list(LEVERS))
    parser.add_argument("--runs", type=Path, default=Path("runs/levers"))
    parser.add_argument("--data", type=Path, help="write the figures there, too")
    options = parser.parse_args()
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in options.levers}
    for seed in options.seeds:
        for lever in options.levers:
            name = f"{options.task}-{lever.replace(' ', '-')}-{seed}"
            run = _stored(options.runs, name)
            if run is None:
                evolve(
                    options.task,
                    runs=options.runs,
                    recipe=str(_recipe(options.runs / "recipes" / lever.replace(" ", "-"), LEVERS[lever])),
                    model="offline",
                    budget="quick",
                    steps=options.steps,
                    k=options.k,
                    iterations=100,
                    seed=seed,
                    baselines=(),
                    race=False,
                    name=name,
                    stop=StopSpec(steps=options.max_steps),
                )
                run = _stored(options.runs, name)
            assert run is not None
            found[lever].append(_figures(run, seed))
            print(f"{name}: {found[lever][-1]}", flush=True)
    if options.data:
        settings = {"task": options.task, "steps": options.steps, "max_steps": options.max_steps, "k": options.k}
        options.data.write_text(json.dumps(settings | {"searches": found}, indent=1) + "\n")
    header = ["lever", "confirmed", "against plain", "search maximum", "generations", "trainings", "steps"]
    print(table(header, [_row(lever, rows, found["plain"]) for lever, rows in found.items()], markdown=True))


def _recipe(folder: Path, changes: str) -> Path:
    """A folder with the recipe smith and the changes of one lever, which replace the section's own lines."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in recipe_files("smith", find_folders()).items():
        (folder / file).write_text(_changed(text, changes) + PLAIN if file == "recipe.toml" else text)
    return folder


def _changed(text: str, changes: str) -> str:
    section, *lines = changes.splitlines() or [""]
    if not section:
        return text
    if section not in text.splitlines():
        return f"{text}\n{changes}"
    keys = {line.partition(" ")[0] for line in lines}
    kept = [line for line in text.splitlines() if line.partition(" ")[0] not in keys]
    at = kept.index(section) + 1
    return "\n".join([*kept[:at], *lines, *kept[at:], ""])


def _stored(runs: Path, name: str) -> Run | None:
    """The run of that name, where it is done."""
    store = Store.open(runs / "rewardsmith.db")
    try:
        run = Run.fold(store.events(name))
    finally:
        store.close()
    return run if run.status == "done" else None


def _figures(run: Run, seed: int) -> dict[str, Any]:
    assert run.confirmed is not None
    winner = run.candidates[run.confirmed.winner]
    return {
        "seed": seed,
        "winner": winner.id,
        "origin": winner.origin,
        "confirmed": run.scores("confirm", winner.id),
        "search_max": max(turn.score for turn in run.turns() if turn.score is not None),
        "generations": max(candidate.generation for candidate in run.candidates.values()),
        "trainings": sum(purpose == "search" for purpose, _, _ in run.reports),
        "steps": run.usage().steps,
    }


def _row(lever: str, rows: list[dict[str, Any]], plain: list[dict[str, Any]]) -> list[str]:
    worth = [statistics.mean(row["confirmed"]) for row in rows]
    gains = [mine - statistics.mean(row["confirmed"]) for mine, row in zip(worth, plain, strict=True)]
    spread = ""
    if len(gains) > 1 and lever != "plain":
        half = student.ppf(0.975, len(gains) - 1) * statistics.stdev(gains) / len(gains) ** 0.5
        spread = f" [{statistics.mean(gains) - half:+.2f}, {statistics.mean(gains) + half:+.2f}]"
    return [
        lever,
        f"{statistics.mean(worth):.2f} ({', '.join(f'{each:.2f}' for each in worth)})",
        "–" if lever == "plain" else f"{statistics.mean(gains):+.2f}{spread}",
        f"{statistics.mean(row['search_max'] for row in rows):.2f}",
        f"{statistics.mean(row['generations'] for row in rows):.1f}",
        f"{statistics.mean(row['trainings'] for row in rows):.1f}",
        f"{statistics.mean(row['steps'] for row in rows):,.0f}",
    ]


if __name__ == "__main__":
    main()
