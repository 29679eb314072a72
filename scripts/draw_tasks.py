"""Draw the picture of each task from its environment: `python scripts/draw_tasks.py envs [TASK ...]`.

A still of an episode with random actions, as `envs/<task>/picture.jpg`, which the pages show beside the task. It needs
MuJoCo's offscreen rendering (`MUJOCO_GL=egl` or `osmesa`), `pip install pygame` for what is no model of
MuJoCo's, and the extra that a task says it needs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import imageio.v3 as iio
import numpy as np

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.tasks import list_tasks, load_task
from rewardsmith.domain.task import Task
from rewardsmith.worker.backends.gymnasium import make

WIDTH, HEIGHT, STEPS = 320, 240, 12


def still(task: Task) -> np.ndarray:
    """The picture after a few steps, uint8 of shape (HEIGHT, WIDTH, 3), cut to that shape around its middle."""
    env = make(task, render_mode="rgb_array")
    env.reset(seed=3)
    env.action_space.seed(3)
    for _ in range(STEPS):
        env.step(env.action_space.sample())
    picture = np.asarray(env.render(), dtype=np.uint8)
    env.close()
    return fitted(picture)


def fitted(picture: np.ndarray) -> np.ndarray:
    """The largest part around the middle that has the wanted shape, made as small."""
    from PIL import Image, ImageOps

    return np.asarray(ImageOps.fit(Image.fromarray(picture), (WIDTH, HEIGHT), Image.Resampling.LANCZOS))


def main() -> None:
    """Read the arguments, and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("envs", type=Path)
    parser.add_argument("tasks", nargs="*")
    given = parser.parse_args()
    folders = find_folders(envs=given.envs)
    for name in given.tasks or list_tasks(folders):
        file = given.envs / name / "picture.jpg"
        iio.imwrite(file, still(load_task(name, folders)), quality=82)
        print(f"{file}: {file.stat().st_size} bytes")


if __name__ == "__main__":
    main()
