"""`process`: a clean environment, limits and no network, but no walls; for machines that have no bubblewrap.

The worker sees every file that this user sees. Started as root it is a user of its own, where the interpreter and the
job's folder may be read by every user; otherwise it stays root, which `describe` says. Linux only, for the process
tree's sake.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.errors import IsolationUnavailable, UsageError
from rewardsmith.isolation import cgroups, lockdown
from rewardsmith.sandboxes.child import (
    PACKAGE,
    WORKER,
    clean_environment,
    given,
    group_of,
    need_worker,
    run_child,
    with_output,
)
from rewardsmith.sandboxes.gpus import driver_variables
from rewardsmith.sandboxes.identity import can_give_users, own_user, reachable_by_all
from rewardsmith.sandboxes.orders import Orders
from rewardsmith.sandboxes.sandbox import Outcome, interpreters_of, mounts_of, refuse_docker_settings


class ProcessSandbox:
    """Runs the worker as an ordinary process tree that ends as a whole."""

    def __init__(self, spec: SandboxSpec, *, worker: tuple[str, ...] = WORKER) -> None:
        """Raises UsageError where `spec` asks for what only walls give."""
        refuse_docker_settings(spec)
        for mount in mounts_of(spec):
            if mount.target != mount.source:
                raise UsageError(
                    f"the sandbox {spec.name!r} mounts {mount.source} at {mount.target}, which kind 'process' cannot: "
                    "its workers see files where they are",
                    hint="leave target out, or make it of kind 'bubblewrap'",
                )
        self._told, self._gpu = interpreters_of(spec), spec.gpu
        self.name, self.limits = spec.name, spec.limits
        self._worker = worker

    def check(self) -> None:
        """Raise IsolationUnavailable where processes cannot be kept together."""
        need_worker(self._worker)
        if not sys.platform.startswith("linux") or not hasattr(os, "pidfd_open"):
            raise IsolationUnavailable(
                f"the sandbox 'process' needs Linux 5.3 or newer; this is {sys.platform}",
                hint="run rewardsmith in its container image",
            )

    def describe(self) -> str:
        """In a line: whose rights workers have, whether the network is closed, and what limits them."""
        blocked = _in_the_way()
        user = "workers have the rights of this user, root included" if os.geteuid() == 0 else "as this user"
        if can_give_users():
            kept_out = f"stay root: {blocked} keeps other users out"
            own = "have a user of their own where the run's folder lets every user in"
            user = f"workers {kept_out if blocked else own}"
        network = "no network" if _has_seccomp() else "with the network (no seccomp)"
        return f"no walls, {network}; {user}; {cgroups.describe()}"

    def run(self, folder: Path, *, resume_from: Path | None = None) -> Outcome:
        """Run the worker on `folder` itself; see `Sandbox.run`.

        The kernel counts processes per user, so without a control group their limit binds only a worker that has a user
        of its own: for any other it would meet the user's other processes.
        """
        folder = with_output(folder)
        read = (folder, folder / "job.json", *([resume_from] if resume_from is not None else []))
        user = None if _in_the_way(*read) else own_user()
        resume = ("--resume", str(resume_from.resolve())) if resume_from is not None else ()
        with (
            group_of(self.limits) as group,
            given(folder / "out", user),
            tempfile.TemporaryDirectory(prefix="home-", dir=folder, ignore_cleanup_errors=True) as home,
        ):
            if user is not None:
                os.chown(home, user, user)
            orders = Orders.within(
                self.limits,
                gpu=self._gpu,
                processes=None if user is None else self.limits.processes,
                supervisor=os.getpid(),
                user=user,
                joins=group.joins,
                filtered=_has_seccomp(),
            )
            return run_child(
                orders.before(*self._worker, str(folder), *resume),
                clean_environment(os.environ, home=home) | self._told | (driver_variables() if self._gpu else {}),
                log=folder / "log.txt",
                limits=self.limits,
                group=group,
            )


def _in_the_way(*read: Path) -> Path | None:
    """What keeps a user of its own from the interpreter, the package or `read`; absent where nothing does."""
    return reachable_by_all((Path(sys.executable), Path(sys.prefix), Path(os.__file__), PACKAGE, *read))


def _has_seccomp() -> bool:
    try:
        lockdown.seccomp_available()
    except lockdown.LockdownError:
        return False
    return True
