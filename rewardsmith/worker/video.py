"""The job `film`, and the video of a training: drawn in a process of its own, by whatever can draw here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from rewardsmith.domain.film import Film
from rewardsmith.errors import one_line
from rewardsmith.worker.files import write_text

__all__ = ["record_video"]

_SECONDS = 600.0
_RENDERERS = ("egl", "osmesa")


def record_video(folder: Path, policy: Path) -> None:
    """Write `film.json` into `folder/out`: what was filmed, or why nothing was.

    Args:
        folder: The job's folder, with `job.json`.
        policy: The `out/` of the training whose policy is played.
    """
    faults: list[str] = []
    asked = os.environ.get("MUJOCO_GL", "")
    for renderer in dict.fromkeys(name for name in (asked, *_RENDERERS) if name not in ("", "disable")):
        command = [sys.executable, "-m", "rewardsmith.worker.filming", str(folder), str(policy)]
        try:
            done = subprocess.run(
                command,
                env={
                    **os.environ,
                    "MUJOCO_GL": renderer,
                    "PYOPENGL_PLATFORM": renderer,
                    "LIBGL_ALWAYS_SOFTWARE": "1",
                    "SDL_VIDEODRIVER": "dummy",
                },
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            faults.append(f"{renderer}: not done after {_SECONDS:g} s")
            continue
        if done.returncode == 0 and (folder / "out" / "film.json").exists():
            return
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or [f"exit {done.returncode}"]
        faults.append(f"{renderer}: {one_line(last[0])}")
    write_text(folder / "out" / "film.json", Film(faults=tuple(faults)).model_dump_json())
