"""One held-out episode of the best rung as `video.mp4`, in a process of its own: a missing driver may end it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["record_video"]

_SECONDS = 600.0
_BACKENDS = ("egl", "osmesa")


def record_video(out: Path, seed: int) -> None:
    """Write `video.mp4`, or `video_error.txt` that says why there is none.

    Args:
        out: The job's output folder, with the policy's files; `job.json` lies beside it.
        seed: Reset seed of the episode.
    """
    reasons: list[str] = []
    for backend in (os.environ["MUJOCO_GL"],) if "MUJOCO_GL" in os.environ else _BACKENDS:
        command = [sys.executable, "-m", "rewardsmith.worker.filming", str(out), str(seed)]
        try:
            done = subprocess.run(
                command,
                env={**os.environ, "MUJOCO_GL": backend, "PYOPENGL_PLATFORM": backend},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            reasons.append(f"MUJOCO_GL={backend}: not done after {_SECONDS:g} s")
            continue
        if done.returncode == 0 and (out / "video.mp4").exists():
            return
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or [f"exit {done.returncode}"]
        reasons.append(f"MUJOCO_GL={backend}: {last[0][:500]}")
    (out / "video_error.txt").write_text("\n".join(reasons) + "\n")
