"""Plays one episode of a stored policy and films it: `python -m rewardsmith.worker.filming JOB_FOLDER POLICY_FOLDER`.

A process of its own (`worker.video` starts it), because a missing driver may end it.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any

import imageio.v2 as imageio
import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import TypeAdapter

from rewardsmith.domain.film import GIF, MOST_SECONDS, STILLS, VIDEO, Film, still
from rewardsmith.domain.job import FilmJob, Job, TrainJob
from rewardsmith.worker.backends.gymnasium import make
from rewardsmith.worker.backends.opening import open_worlds
from rewardsmith.worker.eager import leave_compiler_out
from rewardsmith.worker.files import write_text
from rewardsmith.worker.learner import Learner
from rewardsmith.worker.policy import read_policy
from rewardsmith.worker.rewards import StockRewards
from rewardsmith.worker.seeds import held_out_seeds

__all__ = ["film"]

_MOST_FPS = 30
_GIF_FPS = 10
_JPEG_QUALITY = 80
_MOST_WORLDS = 64
"""The policy is built on so many: a GPU's thousands would take minutes to make."""


def film(folder: Path, policy: Path) -> None:
    """Film the policy in `policy` on its first held-out episode, into `folder/out`; raises what rendering raises.

    Args:
        folder: Holds `job.json`, a film or a training.
        policy: The `out/` of the training, with the best rung's policy.
    """
    job: Any = TypeAdapter[Job](Job).validate_json((folder / "job.json").read_bytes())
    train: TrainJob = job.train if isinstance(job, FilmJob) else job
    env = make(train.task, render_mode="rgb_array")
    learner = Learner(
        train, open_worlds(train.task, min(train.task.trainer.environments, _MOST_WORLDS)), StockRewards()
    )
    learner.put_back(read_policy(policy, learner.weights()))
    rate = float(env.metadata.get("render_fps", 30))
    every = max(1, ceil(rate / _MOST_FPS))
    reel = _Reel(folder / "out", fps=rate / every)
    steps, over, most = 0, False, int(MOST_SECONDS * rate)
    play = _play(env, learner, held_out_seeds(1, final=train.final)[0])
    with reel:
        for over in play:
            if steps % every == 0:
                reel.add(np.asarray(env.render()))
            if over or steps >= most:
                break
            steps += 1
    record = Film(
        width=reel.width,
        height=reel.height,
        fps=reel.fps,
        frames=reel.frames,
        times=reel.keep_stills(),
        steps=steps,
        cut=not over,
        renderer=os.environ.get("MUJOCO_GL", ""),
    )
    write_text(folder / "out" / "film.json", record.model_dump_json())


def _play(env: Any, learner: Learner, seed: int) -> Iterator[bool]:
    """Go through an episode; at each state whether it is the last."""
    observation, _ = env.reset(seed=seed)
    starts, over = np.ones(1, dtype=bool), False
    yield over
    while not over:
        batch = {k: v[None] for k, v in observation.items()} if isinstance(observation, dict) else observation[None]
        action = learner.act(batch, starts)[0]
        starts = np.zeros(1, dtype=bool)
        observation, _, terminated, truncated, _ = env.step(action)
        over = bool(terminated or truncated)
        yield over


@dataclass
class _Reel:
    """Takes pictures, and writes `video.mp4`, `video.gif` and the stills."""

    out: Path
    fps: float
    width: int = 0
    height: int = 0
    frames: int = 0
    _small: list[Image.Image] = field(default_factory=list)
    _large: list[bytes] = field(default_factory=list)
    _writer: Any = None

    def __enter__(self) -> _Reel:
        part = self.out / f"part.{VIDEO}"
        self._writer = imageio.get_writer(part, fps=self.fps, macro_block_size=1)
        return self

    @property
    def _apart(self) -> int:
        """Pictures of the MP4 from one of the GIF to the next."""
        return max(1, ceil(self.fps / _GIF_FPS))

    def add(self, frame: npt.NDArray[np.uint8]) -> None:
        """One picture, shape (height, width, 3); H.264 needs even sizes."""
        self.height, self.width = frame.shape[0] // 2 * 2, frame.shape[1] // 2 * 2
        frame = frame[: self.height, : self.width]
        self._writer.append_data(frame)
        if self.frames % self._apart == 0:
            picture, packed = Image.fromarray(frame), io.BytesIO()
            picture.save(packed, "JPEG", quality=_JPEG_QUALITY)
            self._large.append(packed.getvalue())
            self._small.append(picture.resize((self.width // 2, self.height // 2)))
        self.frames += 1

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._writer.close()
        if kind is not None:
            return
        (self.out / f"part.{VIDEO}").replace(self.out / VIDEO)
        part, shown_ms = self.out / f"part.{GIF}", round(1000 * self._apart / self.fps)
        self._small[0].save(part, save_all=True, append_images=self._small[1:], duration=shown_ms, loop=0)
        part.replace(self.out / GIF)

    def keep_stills(self) -> tuple[float, ...]:
        """Write evenly spaced pictures, first and last among them; their times in s."""
        places = sorted(set(np.linspace(0, len(self._large) - 1, min(STILLS, len(self._large))).astype(int).tolist()))
        for number, place in enumerate(places):
            (self.out / still(number)).write_bytes(self._large[place])
        return tuple(round(place * self._apart / self.fps, 3) for place in places)


if __name__ == "__main__":
    leave_compiler_out()
    film(Path(sys.argv[1]), Path(sys.argv[2]))
