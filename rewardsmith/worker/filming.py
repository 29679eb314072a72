"""Plays one episode of a stored policy and films it: `python -m rewardsmith.worker.filming OUT_FOLDER SEED`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import imageio.v2 as imageio
import numpy as np
from pydantic import TypeAdapter

from rewardsmith.domain.job import Job, TrainJob
from rewardsmith.worker.backends.gymnasium import make
from rewardsmith.worker.learner import Learner
from rewardsmith.worker.policy import read_policy
from rewardsmith.worker.rewards import StockRewards

__all__ = ["film"]


def film(out: Path, seed: int) -> Path:
    """Film the best rung's policy from the reset with `seed`; gives the video's path, raises what rendering raises."""
    job: Any = TypeAdapter[Job](Job).validate_json((out.parent / "job.json").read_bytes())
    if not isinstance(job, TrainJob):
        raise TypeError("a survey has no policy to film")
    env = make(job.task, render_mode="rgb_array")
    learner = Learner(job, [make(job.task) for _ in range(job.task.trainer.environments)], StockRewards())
    learner.put_back(read_policy(out, learner.weights()))
    observation, _ = env.reset(seed=seed)
    starts, running = np.ones(1, dtype=bool), True
    path = out / "video.mp4"
    part = path.with_suffix(".part.mp4")
    writer: Any = imageio.get_writer(part, fps=int(env.metadata.get("render_fps", 30)), macro_block_size=1)
    with writer:
        while running:
            writer.append_data(env.render())
            batch = {k: v[None] for k, v in observation.items()} if isinstance(observation, dict) else observation[None]
            action = learner.act(batch, starts)[0]
            starts = np.zeros(1, dtype=bool)
            observation, _, terminated, truncated, _ = env.step(action)
            running = not (terminated or truncated)
    part.replace(path)
    return path


if __name__ == "__main__":
    film(Path(sys.argv[1]), int(sys.argv[2]))
