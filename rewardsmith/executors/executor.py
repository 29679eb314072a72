"""The seam: an executor starts jobs, it does not hold them. Each call is safe to repeat, by any process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rewardsmith.domain.job import Job, Progress


@dataclass(frozen=True)
class Running:
    """The job is alive."""

    progress: Progress | None


@dataclass(frozen=True)
class Done:
    """The worker ended with exit code 0 and its files lie in `folder`, still untrusted."""

    folder: Path
    """The `out/` of the attempt's folder."""


@dataclass(frozen=True)
class Lost:
    """There is neither a live runner nor a result: the fault is the infrastructure's."""

    reason: str
    """What is known of why, in a line: our wording, then the worker's own error or the last line of its log."""
    fatal: bool = False
    """Whether another attempt would end the same: the task or the score rule is wrong, or there is no sandbox."""
    error: dict[str, str] | None = None
    """The worker's `error.json` where it left one: `type`, `message` and `hint`, printable, cut at 600 characters."""


class Executor(Protocol):
    """Starts jobs in folders: `folder/job.json` goes in, files come out in `folder/out/`."""

    slots: int
    """Jobs that may run side by side."""

    def start(self, folder: Path, job: Job, *, resume_from: Path | None = None) -> None:
        """Start the job that is named by its folder; does nothing if it runs already or has a result.

        Args:
            folder: Folder of this attempt; it is created.
            job: What the worker is told.
            resume_from: `out/` folder of an earlier attempt whose checkpoint the worker continues from.

        Raises:
            WorkerFailed: The runner ended before it began; it may be started again.
            InfrastructureError: The runner could not be started.
        """
        ...

    def poll(self, folder: Path) -> Running | Done | Lost:
        """What has become of it. Never raises for a candidate's fault."""
        ...

    def stop(self, folder: Path) -> None:
        """End it; the whole process tree is gone on return. Does nothing if it is not running."""
        ...
