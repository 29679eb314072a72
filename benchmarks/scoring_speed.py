"""What a scored step takes beside the simulator's: the policy acts, signals are recorded, reward and score rule judge.

    python -m benchmarks.scoring_speed [--task ant] [--rounds 20]

An untrained policy plays the held-out episodes of the task's quick budget, as a training does; a simulator by itself
steps with random actions. They take turns, so that a busy machine slows both. Tasks whose episodes last tell more: side
by side, the longest one is waited for. `rewardsmith.search.planning.SCORING_S` rests on it.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.training_speed import surveyed
from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.domain.job import RewardSpec, TrainJob
from rewardsmith.reward.score import ScoreProcess
from rewardsmith.worker.backends.gymnasium import make
from rewardsmith.worker.backends.opening import open_worlds
from rewardsmith.worker.learner import Learner
from rewardsmith.worker.rewards import StockRewards
from rewardsmith.worker.scoring import HeldOut

STEPS = 1000
"""Steps of the simulator by itself in each round."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--task", default="ant")
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    torch.set_num_threads(1)
    task = load_task(options.task, find_folders())
    horizon, width = task.environment.horizon, min(task.budgets["quick"].episodes, 16)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        signals = surveyed(task, Path(folder)).signals
        known = {signal.name: signal for signal in signals}
        paid = RewardSpec(kind="human", reward_id="human")
        job = TrainJob(task=task, signals=signals, reward=paid, seed=1, steps=1, rungs=1, episodes=1)
        worlds = open_worlds(task, width)
        score = stack.enter_context(ScoreProcess(task.score.source, known, dt=worlds.seconds_per_step, horizon=horizon))
        learner = Learner(job, open_worlds(task, task.trainer.environments), StockRewards())
        stack.callback(learner.close)
        held_out = HeldOut(worlds, known, horizon=horizon, score=score, rewards=StockRewards(), archived=2)
        stack.callback(held_out.close)
        env = stack.enter_context(contextlib.closing(make(task)))
        env.reset(seed=0)
        took: dict[str, list[float]] = {"scored": [], "simulated": []}
        for number in range(options.rounds + 1):
            before = time.perf_counter()
            played = held_out.play(learner.act, range(number * width, (number + 1) * width))
            scored = (time.perf_counter() - before) / sum(episode.length for episode in played)
            before = time.perf_counter()
            for _ in range(STEPS):
                *_, terminated, truncated, _ = env.step(env.action_space.sample())
                if terminated or truncated:
                    env.reset()
            simulated = (time.perf_counter() - before) / STEPS
            if number:  # the first one warms up
                took["scored"].append(scored)
                took["simulated"].append(simulated)
    for name, seconds in took.items():
        low, middle = 1e6 * np.quantile(seconds, [0.1, 0.5])
        print(f"{task.name}, {width} at a time, {name}: {low:.0f} us a step (lowest decile; median {middle:.0f})")


if __name__ == "__main__":
    main()
