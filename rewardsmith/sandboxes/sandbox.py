"""The seam: run the worker on one job folder, with no keys, no network, and limits."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rewardsmith.domain.sandbox import INTERPRETERS, Mount, SandboxLimits, SandboxSpec
from rewardsmith.errors import UsageError


@dataclass(frozen=True)
class Outcome:
    """How the worker ended. A non-zero exit is a result; only a machine that cannot start one raises."""

    exit_code: int
    """128 + n where signal n ended it."""
    timed_out: bool
    """Whether its wall clock ran out."""
    reason: str = ""
    """Why it was ended, where the sandbox knows more than the exit code says: a limit, by name."""


class Sandbox(Protocol):
    """Runs `python -m rewardsmith.worker <folder>` in isolation."""

    name: str

    def check(self) -> None:
        """Raise IsolationUnavailable, naming the fix, if this machine cannot do it."""
        ...

    def describe(self) -> str:
        """In a line, for `rewardsmith doctor`: how users, memory and processes of its workers are kept apart here."""
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


def mounts_of(spec: SandboxSpec) -> tuple[Mount, ...]:
    """The mounts that `spec` asks for, each with its target. Raises UsageError for a source that does not exist."""
    for mount in spec.mounts:
        if not Path(mount.source).exists():
            raise UsageError(
                f"the sandbox {spec.name!r} mounts {mount.source}, which does not exist",
                hint="make it, or correct [[mounts]] in its sandbox.toml",
            )
    return tuple(mount.model_copy(update={"target": mount.target or mount.source}) for mount in spec.mounts)


def interpreters_of(spec: SandboxSpec) -> dict[str, str]:
    """What tells a worker of the interpreters that `spec` names, as environment variables.

    Raises:
        UsageError: One of them is no program of this machine.
    """
    for name, path in spec.interpreters.items():
        if not os.access(path, os.X_OK) or Path(path).is_dir():
            raise UsageError(
                f"the sandbox {spec.name!r} names the interpreter {name!r}, but {path} is no program",
                hint="correct [interpreters] in its sandbox.toml: such as /opt/isaac/bin/python",
            )
    return told_interpreters(spec)


def told_interpreters(spec: SandboxSpec) -> dict[str, str]:
    """As `interpreters_of`, for interpreters that lie in an image."""
    return {INTERPRETERS: json.dumps(spec.interpreters)} if spec.interpreters else {}


def refuse_docker_settings(spec: SandboxSpec) -> None:
    """Raise UsageError where `spec` asks for what only a container has."""
    asked = {"image": spec.image, "gpus": spec.gpus, "cpus": spec.limits.cpus != SandboxLimits().cpus}
    for name, given in asked.items():
        if given:
            raise UsageError(
                f"the sandbox {spec.name!r} is of kind {spec.kind!r}, which knows no {name!r}",
                hint=f"take {name!r} out of its sandbox.toml, or make it of kind 'docker'",
            )
