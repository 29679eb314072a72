"""First drafts of the offline author on a task: what each of its ratios of weights is worth.

    python -m benchmarks.offline_author [--task ant] [--slots 4] [--steps 100000] [--seeds 0 1]

Surveys the task, asks the offline author for a first generation, trains every draft (and the stock and the sparse
reward) on each seed, and prints the score of the best rung: mean over seeds, then each seed's. Where a draft stands in
`rewardsmith.models.offline_sketches.SKETCHES` comes from such tables.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.domain.job import RewardSpec, SurveyJob, TrainJob
from rewardsmith.domain.prompt import CompletionKey, Context, Request
from rewardsmith.domain.report import Report
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.models.offline import OfflineAuthor
from rewardsmith.prompting.extraction import find_code
from rewardsmith.reward.source import analyse


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the first drafts of the offline author.")
    parser.add_argument("--task", default="ant")
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    options = parser.parse_args()
    task = load_task(options.task, find_folders())
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        out = work(base / "survey", SurveyJob(task=task))
        survey = Survey.model_validate_json((out / "survey.json").read_text())
        columns = dict(np.load(out / "probe.npz", allow_pickle=False))
        probe = Probe({k: v for k, v in columns.items() if k != "__starts__"}, columns["__starts__"])
        context = Context(task, survey, probe, history=(), parents=(), seed=0, k=options.slots)
        print(f"{options.task}: random actions score {survey.random_score():.3f}", flush=True)
        rewards = {kind: RewardSpec(kind=kind, reward_id=kind) for kind in ("human", "sparse")}
        if not task.environment.stock_reward:
            del rewards["human"]
        rewards |= drafts(context, options.slots)
        for label, reward in rewards.items():
            scores = []
            for seed in options.seeds:
                job = TrainJob(
                    task=task,
                    signals=survey.signals,
                    reward=reward,
                    seed=seed,
                    steps=options.steps,
                    rungs=2,
                    episodes=5,
                    tensorboard=False,
                )
                report = Report.model_validate_json((work(base / f"{label}-{seed}", job) / "report.json").read_text())
                scores.append(float("nan") if report.score is None else report.score)
            shown = " ".join(f"{score:8.3f}" for score in scores)
            print(f"{label:8} {statistics.fmean(scores):8.3f}   {shown}   {ratios(reward, survey)}", flush=True)


def drafts(context: Context, slots: int) -> dict[str, RewardSpec]:
    """The first generation, by slot."""
    author, found = OfflineAuthor(seed=0), {}
    for slot in range(slots):
        key = CompletionKey(generation=1, role="designer", slot=slot)
        source = find_code(asyncio.run(author.complete(Request(key, (), context))).text)
        found[f"slot {slot}"] = RewardSpec(kind="candidate", reward_id=f"slot{slot}", source=source)
    return found


def ratios(reward: RewardSpec, survey: Survey) -> str:
    """The parameters of a draft in a line."""
    if reward.source is None:
        return ""
    return ", ".join(f"{k}={v:g}" for k, v in analyse(reward.source, survey.names()).parameters.items())


def work(folder: Path, job: SurveyJob | TrainJob) -> Path:
    """Run one job in a process of its own; the folder of its results."""
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(job.model_dump_json())
    command = [sys.executable, "-m", "rewardsmith.worker", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder / "out"


if __name__ == "__main__":
    main()
