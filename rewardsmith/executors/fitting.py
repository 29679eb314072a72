"""What a job's worker is given beyond what every worker has."""

from __future__ import annotations

import hashlib

from rewardsmith.domain.check import CheckJob
from rewardsmith.domain.job import FilmJob, Job, TrainJob
from rewardsmith.domain.sandbox import SandboxSpec

__all__ = ["for_job"]

_ON_GPUS = ("isaac_gym", "isaac_lab", "playground")
"""Simulators that take a GPU wherever they find one."""


def for_job(sandbox: SandboxSpec, job: Job) -> SandboxSpec:
    """The sandbox as this job needs it: with GPUs for what trains on one, and for simulators that want one."""
    if isinstance(job, CheckJob):
        return sandbox
    task = job.train.task if isinstance(job, FilmJob) else job.task
    trains = isinstance(job, TrainJob)
    gpu = (trains and task.trainer.device == "cuda") or task.environment.simulator in _ON_GPUS
    kernels = None
    if (trains and task.trainer.backend == "warp") or task.environment.simulator == "playground":
        kernels = hashlib.sha256((task.module_source or "").encode()).hexdigest()[:12]
    return sandbox.model_copy(update={"gpu": gpu, "kernels": kernels})
