"""What `sandboxes/<name>/sandbox.toml` says: the kind of a worker sandbox, its limits, its mounts, its image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from rewardsmith.domain.record import Record
from rewardsmith.errors import TaskError, near_misses

INTERPRETERS = "REWARDSMITH_INTERPRETERS"
"""Environment variable of a worker: the sandbox's interpreters as JSON, absent where it has none."""


class SandboxLimits(Record):
    """What one worker may use."""

    wall_s: float = Field(default=6 * 3600.0, gt=0)
    """Seconds of wall clock for one job; then its whole process tree is killed."""
    memory_mib: int = Field(default=8192, gt=0)
    """Memory in MiB; see the sandbox's own file for what is counted."""
    output_mib: int = Field(default=1024, gt=0)
    """Largest file that it may write, in MiB."""
    log_mib: int = Field(default=1, gt=0)
    """Standard output and error that are kept, in MiB."""
    processes: int = Field(default=64, gt=0)
    """Processes and threads, where the sandbox can limit them."""
    cpus: float = Field(default=1.0, gt=0)
    """Processor cores (`docker` only)."""


class Mount(Record):
    """A file or folder of this machine that workers see besides what every worker sees."""

    source: str = Field(pattern="^/")
    """Absolute path on this machine."""
    target: str | None = Field(default=None, pattern="^/")
    """Absolute path inside; that of `source` when absent."""
    writable: bool = False
    """Whether workers may write there."""


class SandboxFile(Record):
    """What `sandbox.toml` may say."""

    kind: str
    """What makes it: `process`, `bubblewrap`, `docker`, or what another package brings."""
    limits: SandboxLimits = SandboxLimits()
    mounts: tuple[Mount, ...] = ()
    interpreters: dict[str, Annotated[str, Field(pattern="^/")]] = Field(default_factory=dict)
    """By name, the Python (absolute path, as workers see it) in which a simulator runs that ours cannot."""
    image: str | None = None
    """Docker image of the workers (`docker` only)."""
    gpus: int | Literal["all"] = 0
    """GPUs that a worker sees (`docker` only)."""


class SandboxSpec(SandboxFile):
    """One sandbox: its file, and the name of its folder."""

    name: str
    gpu: bool = False
    """Whether the worker is shown the GPUs; set for a job that needs them."""
    kernels: str | None = None
    """Folder's name under which the worker keeps what it compiles; set for a job that compiles."""


def interpreter_path(task: str, name: str, known: Mapping[str, str]) -> str:
    """Where the interpreter `name` lies, in which `task` runs. Raises TaskError where the sandbox names none so."""
    if name not in known:
        near = near_misses(name, known)
        raise TaskError(
            f"task {task!r} runs in the interpreter {name!r}, which the sandbox does not name"
            + (f"; did you mean {' or '.join(map(repr, near))}?" if near else ""),
            hint=f'write {name} = "/absolute/path/to/python" under [interpreters] in sandbox.toml'
            + (f"; it names {', '.join(sorted(known))}" if known else " (docs/isaac.md)"),
        )
    return known[name]
