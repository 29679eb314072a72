"""A Ray cluster that trains, and what one job takes of its nodes."""

from __future__ import annotations

from pydantic import Field

from rewardsmith.domain.record import Record

NEEDS = ("cpus", "gpus", "memory_mib")
"""What a job may take of a node."""


class RaySpec(Record):
    """An existing cluster, and what one job asks of it."""

    address: str
    """Address of its dashboard, such as `http://head:8265`."""
    python: str = "python"
    """Interpreter on its nodes that has rewardsmith: a path, or a name that their PATH finds."""
    cpus: float = Field(default=1.0, gt=0)
    """Processor cores of one job."""
    gpus: float = Field(default=0.0, ge=0)
    """GPUs of one job, or a fraction of one; memory is not kept apart."""
    memory_mib: int = Field(default=0, ge=0)
    """Memory of one job that a node must have left, in MiB; 0 asks for none."""

    @property
    def need(self) -> str:
        """What one job asks for, in words."""
        parts = [f"{self.cpus:g} CPU", *([f"{self.gpus:g} GPU"] if self.gpus else [])]
        return " and ".join([*parts, *([f"{self.memory_mib} MiB"] if self.memory_mib else [])])
