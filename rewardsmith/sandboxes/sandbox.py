"""The seam: run the worker on one job folder, with no keys, no network, and limits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import Field

from rewardsmith.domain.record import Record


class SandboxLimits(Record):
    """What one worker may use; `sandboxes/<name>/sandbox.toml`."""

    wall_s: float = Field(default=6 * 3600.0, gt=0)
    """Seconds of wall clock for one job; then its whole process tree is killed."""
    memory_mib: int = Field(default=8192, gt=0)
    """Address space of each process."""
    output_mib: int = Field(default=1024, gt=0)
    """Largest file that it may write."""
    log_mib: int = Field(default=1, gt=0)
    """Standard output and error that are kept."""
    processes: int = Field(default=64, gt=0)
    """Processes and threads, where the sandbox can limit them; see its `sandbox.toml`."""


@dataclass(frozen=True)
class Outcome:
    """How the worker ended. A non-zero exit is a result; only a machine that cannot start one raises."""

    exit_code: int
    timed_out: bool


class Sandbox(Protocol):
    """Runs `python -m rewardsmith.worker <folder>` in isolation."""

    name: str

    def check(self) -> None:
        """Raise IsolationUnavailable, naming the fix, if this machine cannot do it."""
        ...

    def run(self, folder: Path, *, resume_from: Path | None = None) -> Outcome:
        """Run the worker on `folder/job.json` (read-only to it); it writes into `folder/out/` alone.

        Blocks until the worker has ended; the whole process tree is dead on return. The worker's output goes to
        `folder/log.txt`, cut at the limit.

        Raises:
            IsolationUnavailable: The sandbox cannot be set up here.
            InfrastructureError: The worker could not be started.
        """
        ...
