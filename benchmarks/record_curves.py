"""Learning curves of recorded completions, trained once and kept as data for `benchmarks.search`.

    python -m benchmarks.record_curves FOLDER [--tasks ant half_cheetah hopper] [--seeds 0 1 2] [--rungs 10]

`FOLDER/<task>/*.md` are completions. Each is extracted and screened as in a run; what passes is trained on each seed
for the steps of the task's `quick` budget and scored at every rung, and so are the stock and the sparse reward. The
trainings of the first seed also leave their archives: what every reward pays each episode of every other one is kept
beside the episode's score, so that a judge by the archive can be replayed without a simulator.

What is trained already (in `--work`) is not trained again. Writes `benchmarks/curves/<task>.json`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.sandboxes import load_sandbox
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.domain.job import RewardSpec, TrainJob
from rewardsmith.domain.report import Report
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.domain.task import Task
from rewardsmith.errors import StoreError
from rewardsmith.executors.executor import Lost
from rewardsmith.executors.local import LocalExecutor
from rewardsmith.prompting.extraction import find_code
from rewardsmith.reward.process import RewardFailed, RewardProcess
from rewardsmith.screening.screen import Known
from rewardsmith.search.archive import read_archive, returns
from rewardsmith.search.assembly import gates
from rewardsmith.search.surveying import survey, wait
from rewardsmith.search.training import read_report, train_job

CURVES = Path(__file__).parent / "curves"
BASELINES = ("human", "sparse")


def main() -> None:
    """Train what is not trained yet, then write the data of each task."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("completions", type=Path)
    parser.add_argument("--tasks", nargs="+", default=["ant", "half_cheetah", "hopper"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rungs", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--work", type=Path, default=Path("runs/curves"))
    options = parser.parse_args()
    for name in options.tasks:
        task = load_task(name, find_folders())
        executor = LocalExecutor(options.workers, load_sandbox("bubblewrap", find_folders()))
        found, probe = survey(task, executor, options.work / "surveys", note=print)
        budget = task.budgets["quick"].model_copy(update={"rungs": options.rungs})
        rewards, refused = screened(options.completions / name, task, found, probe)
        rewards |= {n: RewardSpec(kind=n, reward_id=n) for n in BASELINES}
        folder = options.work / name
        jobs = {
            (reward, seed): train_job(task, found, spec, budget, seed=seed)
            for seed in options.seeds
            for reward, spec in rewards.items()
        }
        with ThreadPoolExecutor(options.workers) as pool:
            trainings = {
                key: pool.submit(train, executor, folder / f"{key[0]}-{key[1]}", job) for key, job in jobs.items()
            }
            reports = {key: future.result() for key, future in trainings.items()}
        CURVES.mkdir(exist_ok=True)
        data = {
            "task": name,
            "versions": found.versions,
            "steps": budget.steps,
            "episodes": budget.episodes,
            "random": float(np.mean([episode.score for episode in found.episodes])),
            "refused": refused,
            "rewards": {
                reward: {
                    "source": spec.source,
                    "curves": {str(seed): curve(reports[reward, seed]) for seed in options.seeds},
                }
                for reward, spec in rewards.items()
            },
            "archive": judged(rewards, found, probe, {n: folder / f"{n}-{options.seeds[0]}" / "out" for n in rewards}),
        }
        (CURVES / f"{name}.json").write_text(json.dumps(data, indent=1) + "\n")
        print(f"{CURVES / name}.json: {len(rewards)} rewards, {len(refused)} completions refused", flush=True)


def screened(folder: Path, task: Task, found: Survey, probe: Probe) -> tuple[dict[str, RewardSpec], dict[str, str]]:
    """The rewards of the completions that pass, and the gate of those that do not, by file."""
    screen, seen = gates(task, found, probe, unsafe=False), list[Known]()
    passed, refused = dict[str, RewardSpec](), dict[str, str]()
    for file in sorted(folder.glob("*.md")):
        verdict = screen.judge(partial(find_code, file.read_text()), seen)
        if verdict.passed and verdict.analysis and verdict.source:
            seen.append(Known(file.stem, verdict.analysis.reward_id, verdict.source))
            passed[file.stem] = RewardSpec(
                kind="candidate", reward_id=verdict.analysis.reward_id, source=verdict.source
            )
        else:
            refused[file.stem] = verdict.failure.kind if verdict.failure else f"the same as {verdict.twin}"
    return passed, refused


def train(executor: LocalExecutor, folder: Path, job: TrainJob) -> Report:
    """The report of this training, made now if it is not there."""
    try:
        return read_report(folder / "out", job)
    except StoreError:
        begun = time.monotonic()
        executor.start(folder, job)
        ended = wait(executor, folder)
        if isinstance(ended, Lost):
            raise SystemExit(f"{folder}: {ended.reason}") from None
        report = read_report(ended.folder, job)
        print(f"{folder}: score {report.score}, {time.monotonic() - begun:.0f} s", flush=True)
        return report


def curve(report: Report) -> dict[str, object]:
    """Mean score at each rung, the steps behind it, and those that scoring took."""
    return {
        "steps": [rung.steps for rung in report.rungs],
        "scores": [rung.mean for rung in report.rungs],
        "scoring_steps": [sum(rung.lengths) for rung in report.rungs],
        "failure": report.failure.kind if report.failure else None,
    }


def judged(
    rewards: Mapping[str, RewardSpec], found: Survey, probe: Probe, outs: Mapping[str, Path]
) -> dict[str, object]:
    """What each reward pays the episodes of the survey and of each archive, beside the scores of those episodes."""
    policies = {"extremes": [episode.policy for episode in found.extremes]}
    episodes = {"random": (probe, [episode.score for episode in found.episodes], [0] * len(found.episodes))}
    if probe.extremes is not None:
        scores = [episode.score for episode in found.extremes]
        episodes["extremes"] = (probe.extremes, scores, [0] * len(scores))
    for name, out in outs.items():
        archived = read_archive(out, found.signals)
        episodes[name] = (archived.rows, list(archived.scores), list(archived.steps))
    paid: dict[str, dict[str, list[float] | None]] = {name: {} for name in episodes}
    for name, spec in rewards.items():
        if spec.source is None:
            continue
        with RewardProcess(spec.source, {signal.name: signal for signal in found.signals}) as process:
            for player, (rows, _, _) in episodes.items():
                try:
                    paid[player][name] = [float(f"{v:.6g}") for v in returns(process, rows, stream=player)]
                except RewardFailed:
                    paid[player][name] = None
    return {
        player: {
            "scores": scores,
            "steps": steps,
            "lengths": [each.stop - each.start for each in rows.episodes()],
            "returns": paid[player],
        }
        | ({"policies": policies[player]} if player in policies else {})
        for player, (rows, scores, steps) in episodes.items()
    }


if __name__ == "__main__":
    main()
