"""Where workers keep the kernels that Warp compiles: half a minute of work on a processor, minutes on a GPU.

Workers write into the folder, and what lies there runs in later workers as machine code: tasks share one only with
tasks whose own module is the same.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from rewardsmith.domain.job import Job, TrainJob
from rewardsmith.domain.sandbox import Mount, SandboxSpec

__all__ = ["VARIABLE", "kernels_of", "with_kernels"]

VARIABLE = "WARP_CACHE_PATH"
"""Tells Warp in a worker where they lie."""
_PLACE = "REWARDSMITH_KERNELS"


def kernels_of(job: Job) -> Path | None:
    """The folder for this job's worker, which may write there whatever user it is; None for a job without kernels."""
    if not isinstance(job, TrainJob) or job.task.trainer.backend != "warp":
        return None
    told = os.environ.get(_PLACE)
    shared = Path("/var/cache") if os.geteuid() == 0 else Path("~/.cache").expanduser()
    place = Path(told) if told else shared / "rewardsmith" / "kernels"
    folder = place / hashlib.sha256((job.task.module_source or "").encode()).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    if folder.stat().st_uid == os.geteuid():
        folder.chmod(0o1777)
    return folder.resolve()


def with_kernels(sandbox: SandboxSpec, folder: Path | None) -> SandboxSpec:
    """The sandbox with that folder, at its own place."""
    if folder is None:
        return sandbox
    return sandbox.model_copy(update={"mounts": (*sandbox.mounts, Mount(source=str(folder), writable=True))})
