"""What isolation costs: the start of each worker sandbox, and training speed in it against a bare process.

    python -m benchmarks.isolation [--task ant] [--pairs 8] [--steps 16384] [--sandbox bubblewrap ...]

Start: the same worker command (an interpreter that does nothing) run by the sandbox and by itself, in turn; the
difference of the medians. Training: the same job, in turn, (a) in the sandbox with the reward in its locked process and
(b) as a bare process that calls the reward itself, with no sandbox, no lock and the whole environment; the median of
the pairs' ratios of steps per second counts. Steps and seed are the same, and so must the scores be; imports are in
neither figure.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.training_speed import REWARD, surveyed
from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.sandboxes import load_sandbox
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.domain.job import RewardSpec, TrainJob
from rewardsmith.domain.report import Report
from rewardsmith.errors import IsolationUnavailable
from rewardsmith.sandboxes.registry import open_sandbox

STARTS = 20
NOTHING = (sys.executable, "-I", "-S", "-c", "pass")
BARE = (sys.executable, "-m", "benchmarks.bare_worker")


def start_cost(name: str) -> dict[str, float]:
    """Milliseconds of an interpreter that does nothing: in the sandbox, by itself, and the difference."""
    boxed: list[float] = []
    plain: list[float] = []
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "job.json").write_text("{}")
        sandbox = open_sandbox(load_sandbox(name, find_folders()), worker=NOTHING)
        for _ in range(STARTS):
            boxed.append(_milliseconds(lambda: sandbox.run(Path(place))))
            plain.append(_milliseconds(lambda: subprocess.run(NOTHING, check=True)))
    here, there = statistics.median(boxed), statistics.median(plain)
    return {"sandbox_ms": round(here, 1), "bare_ms": round(there, 1), "beyond_ms": round(here - there, 1)}


def training_cost(name: str, job: TrainJob, pairs: int) -> dict[str, object]:
    """Steps per second in the sandbox and bare, and the ratios of the pairs."""
    sandbox = open_sandbox(load_sandbox(name, find_folders()))

    def isolated(folder: Path) -> None:
        outcome = sandbox.run(folder)
        if outcome.exit_code:
            raise SystemExit((folder / "log.txt").read_text()[-2000:])

    def bare(folder: Path) -> None:
        subprocess.run((*BARE, str(folder)), check=True, stdout=subprocess.DEVNULL)

    rates: dict[str, list[float]] = {"isolated": [], "bare": []}
    scores = set()
    for pair in range(pairs):
        order: list[tuple[str, Callable[[Path], None]]] = [("isolated", isolated), ("bare", bare)]
        for side, train in order if pair % 2 else order[::-1]:
            report = _report(job, train)
            rates[side].append(report.steps_per_second)
            scores.add(report.score)
    if len(scores) != 1:
        raise SystemExit(f"the two sides trained differently: {scores}")
    ratios = sorted(here / there for here, there in zip(rates["isolated"], rates["bare"], strict=True))
    return {
        "isolated_steps_per_s": round(statistics.median(rates["isolated"])),
        "bare_steps_per_s": round(statistics.median(rates["bare"])),
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
    }


def _report(job: TrainJob, train: Callable[[Path], None]) -> Report:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "job.json").write_text(job.model_dump_json())
        train(folder)
        return Report.model_validate_json((folder / "out" / "report.json").read_bytes())


def _milliseconds(action: Callable[[], object]) -> float:
    begun = time.perf_counter()
    action()
    return (time.perf_counter() - begun) * 1e3


def main() -> None:
    """Print one JSON object per sandbox."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--task", default="ant")
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--steps", type=int, default=16384)
    parser.add_argument("--sandbox", nargs="+", default=["process", "bubblewrap", "docker"])
    options = parser.parse_args()
    task = load_task(options.task, find_folders())
    with tempfile.TemporaryDirectory() as place:
        signals = surveyed(task, Path(place)).signals
    reward = RewardSpec(kind="candidate", reward_id="benchmark", source=REWARD)
    job = TrainJob(task=task, signals=signals, reward=reward, seed=1, steps=options.steps, rungs=1, episodes=1)
    for name in options.sandbox:
        try:
            open_sandbox(load_sandbox(name, find_folders())).check()
        except IsolationUnavailable as error:
            print(json.dumps({"sandbox": name, "unavailable": error.message}), flush=True)
            continue
        result = {"start": start_cost(name), "training": training_cost(name, job, options.pairs)}
        print(json.dumps({"sandbox": name, **result}, indent=2), flush=True)


if __name__ == "__main__":
    main()
