"""What the launcher does before the worker runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

from rewardsmith.domain.sandbox import SandboxLimits


class Orders(NamedTuple):
    """Everything left out stays as it is."""

    memory: int | None = None
    """Bytes of address space per process."""
    data: int | None = None
    """Bytes that a process may write to, in place of addresses: CUDA reserves far more of those than it uses."""
    file: int | None = None
    """Bytes of the largest file."""
    processes: int | None = None
    """Processes and threads of the worker's user."""
    supervisor: int | None = None
    """Process that must not die first; absent where a pid namespace does that work."""
    user: int | None = None
    """User and group that it becomes, without any capability; absent where it stays who it is."""
    joins: tuple[int, ...] = ()
    """Descriptors of the control groups that it joins."""
    filtered: bool = False
    """Whether it loads the worker's filter of system calls, which bubblewrap does otherwise."""

    @classmethod
    def within(cls, limits: SandboxLimits, *, gpu: bool, **more: Any) -> Orders:
        """Those that keep a worker within its sandbox's limits on memory and files, and what `more` there is."""
        most = limits.memory_mib * 2**20
        return cls(memory=None if gpu else most, data=most if gpu else None, file=limits.output_mib * 2**20, **more)

    def before(self, *command: str) -> tuple[str, ...]:
        """The launcher's command line that carries them out and becomes `command`."""
        told = {name: value for name, value in self._asdict().items() if value not in (None, (), False)}
        words = (f"{k}={','.join(map(str, v)) if isinstance(v, tuple) else int(v)}" for k, v in told.items())
        launcher = Path(__file__).with_name("launcher.py")
        return (sys.executable, "-I", "-S", "-B", os.fspath(launcher), " ".join(words), *command)
