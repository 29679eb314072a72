"""Steps per second of a training with a candidate reward against plain Stable-Baselines3 with the stock reward.

    python -m benchmarks.training_speed [--task ant] [--pairs 24] [--steps 4096]

Both sides use the task's own trainer settings and the same environments. They take turns in one process, so that a busy
machine slows both; the median of the pairs' ratios is what counts. Ours records signals, asks the locked reward process
once per rollout, normalises, and keeps component statistics; plain is `DummyVecEnv` with `VecNormalize`, no `Monitor`.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.tasks import load_task
from rewardsmith.domain.job import RewardSpec, SurveyJob, TrainJob
from rewardsmith.domain.survey import Survey
from rewardsmith.domain.task import Task
from rewardsmith.reward.process import RewardProcess
from rewardsmith.worker import survey
from rewardsmith.worker.algorithm import build
from rewardsmith.worker.backends.gymnasium import make
from rewardsmith.worker.backends.opening import open_worlds
from rewardsmith.worker.learner import Learner
from rewardsmith.worker.progress import ProgressFile
from rewardsmith.worker.rewards import ProcessRewards

REWARD = '''
import numpy as np


def compute_reward(torso_linear_velocity, torso_position, torso_up, torso_angular_velocity, action, prev_action,
                   terminated, *, speed_weight=1.0, effort_weight=0.05, jerk_weight=0.01, spin_weight=0.02):
    """Run forward, upright and calmly."""
    forward = speed_weight * torso_linear_velocity[:, 0]
    effort = -effort_weight * np.square(action).sum(axis=1)
    jerk = -jerk_weight * np.square(action - prev_action).sum(axis=1)
    upright = 0.2 * torso_up[:, 2]
    height = -np.abs(torso_position[:, 2] - 0.6)
    spin = -spin_weight * np.square(torso_angular_velocity).sum(axis=1)
    alive = np.where(terminated, 0.0, 0.5)
    total = forward + effort + jerk + upright + height + spin + alive
    return total, {"forward": forward, "effort": effort, "jerk": jerk, "upright": upright, "height": height,
                   "spin": spin, "alive": alive}
'''


def surveyed(task: Task, folder: Path) -> Survey:
    """The task's survey, as a worker makes it."""
    survey.run(SurveyJob(task=task, episodes=2, max_steps=200), folder)
    return Survey.model_validate_json((folder / "survey.json").read_text())


def plain(task: Task, width: int) -> BaseAlgorithm:
    """Stable-Baselines3 by itself."""
    trainer = task.trainer
    env: Any = DummyVecEnv([lambda: make(task) for _ in range(width)])
    if trainer.normalize_observation or trainer.normalize_reward:
        gamma = float(trainer.settings.get("gamma", 0.99))
        env = VecNormalize(
            env, norm_obs=trainer.normalize_observation, norm_reward=trainer.normalize_reward, gamma=gamma
        )
    model = build(trainer, env, seed=1)
    model.set_logger(Logger(None, []))
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--task", default="ant")
    parser.add_argument("--pairs", type=int, default=24)
    parser.add_argument("--steps", type=int, default=4096, help="environment steps of each turn")
    options = parser.parse_args()
    torch.set_num_threads(1)
    task = load_task(options.task, find_folders())
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        signals = surveyed(task, folder).signals
        process = stack.enter_context(RewardProcess(REWARD, {s.name: s for s in signals}))
        steps = options.steps * (options.pairs + 1)
        job = TrainJob(
            task=task,
            signals=signals,
            reward=RewardSpec(kind="candidate", reward_id="benchmark", source=REWARD),
            seed=1,
            steps=steps,
            rungs=options.pairs + 1,
            episodes=1,
        )
        width = task.trainer.environments
        ours = Learner(job, open_worlds(task, width), ProcessRewards(process))
        progress = ProgressFile(folder / "progress.json", of=steps)
        theirs = plain(task, width)

        def turn_of_ours(number: int) -> float:
            before, steps_before = time.perf_counter(), ours.steps
            ours.learn(number, progress)
            return (ours.steps - steps_before) / (time.perf_counter() - before)

        def turn_of_theirs(_: int) -> float:
            before, steps_before = time.perf_counter(), theirs.num_timesteps
            theirs.learn(options.steps, reset_num_timesteps=False)
            return (theirs.num_timesteps - steps_before) / (time.perf_counter() - before)

        rates: dict[str, list[float]] = {"ours": [], "plain": []}
        for number in range(options.pairs + 1):
            # whoever goes first changes every turn; the first pair warms up and is not counted
            order = (("ours", turn_of_ours), ("plain", turn_of_theirs))
            for side, turn in order if number % 2 else order[::-1]:
                rate = turn(number)
                if number:
                    rates[side].append(rate)
            if number:
                print(
                    f"{rates['ours'][-1]:8.0f} {rates['plain'][-1]:8.0f} {rates['ours'][-1] / rates['plain'][-1]:6.3f}"
                )
        ratios = [a / b for a, b in zip(rates["ours"], rates["plain"], strict=True)]
        ours.close()
    print(f"{task.name}, {width} environments, {options.pairs} pairs of {options.steps} steps")
    print(f"ours  {statistics.median(rates['ours']):8.0f} steps/s (median)")
    print(f"plain {statistics.median(rates['plain']):8.0f} steps/s (median)")
    print(f"ratio {statistics.median(ratios):8.3f} (median), {min(ratios):.3f} to {max(ratios):.3f}")


if __name__ == "__main__":
    main()
