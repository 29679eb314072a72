"""The seam: run the worker on one job folder, with no keys, no network, and limits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


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
