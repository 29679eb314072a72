"""`process`: a clean environment and limits, but no walls; for machines that have no bubblewrap.

The worker sees every file that this user sees, and the network. Linux only, for the process tree's sake.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.errors import IsolationUnavailable
from rewardsmith.sandboxes.child import LAUNCHER, WORKER, clean_environment, run_child, with_output
from rewardsmith.sandboxes.sandbox import Outcome


class ProcessSandbox:
    """Runs the worker as an ordinary process tree that ends as a whole."""

    def __init__(self, spec: SandboxSpec, *, worker: tuple[str, ...] = WORKER) -> None:
        self.name, self.limits, self._mounts = spec.name, spec.limits, spec.mounts
        self._worker = worker

    def check(self) -> None:
        """Raise IsolationUnavailable where processes cannot be kept together."""
        if not sys.platform.startswith("linux") or not hasattr(os, "pidfd_open"):
            raise IsolationUnavailable(
                f"the sandbox 'process' needs Linux 5.3 or newer; this is {sys.platform}",
                hint="run rewardsmith in its container image",
            )

    def run(self, folder: Path, *, resume_from: Path | None = None) -> Outcome:
        """Run the worker on `folder` itself; see `Sandbox.run`. The limit on processes is not enforced here."""
        folder = with_output(folder)
        limits = {
            "memory": self.limits.memory_mib * 2**20,
            "file": self.limits.output_mib * 2**20,
            "processes": None,  # the kernel counts them per user, so a limit would meet the user's other processes
            "supervisor": os.getpid(),
        }
        resume = ("--resume", str(resume_from.resolve())) if resume_from is not None else ()
        with tempfile.TemporaryDirectory(prefix="home-", dir=folder, ignore_cleanup_errors=True) as home:
            return run_child(
                (*LAUNCHER, json.dumps(limits), *self._worker, str(folder), *resume),
                clean_environment(os.environ, home=home),
                log=folder / "log.txt",
                limits=self.limits,
            )
