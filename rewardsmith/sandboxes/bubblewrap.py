"""`bubblewrap`: no network, no keys, no other process, and no file but the interpreter's, ours and the job's.

Started as root, a worker is a user of its own to the kernel (`identity`), which may read what the profile shows and
write into `out/` alone. Started by anybody else it stays that user (inside it is 10001) in a user namespace. Either way
it has no capability, can get none, and is refused the calls of `isolation.worker_filter`.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.errors import InfrastructureError, IsolationUnavailable, UsageError
from rewardsmith.isolation import cgroups, lockdown, worker_filter
from rewardsmith.sandboxes.child import (
    WORKER,
    clean_environment,
    given,
    group_of,
    need_worker,
    run_child,
    with_output,
)
from rewardsmith.sandboxes.gpus import driver_variables
from rewardsmith.sandboxes.identity import BASE, can_give_users, own_user, readable_by_all
from rewardsmith.sandboxes.orders import Orders
from rewardsmith.sandboxes.profile import JOB, OURS, RESUME, foreign, interpreter, profile
from rewardsmith.sandboxes.sandbox import Outcome, interpreters_of, mounts_of, refuse_docker_settings
from rewardsmith.sandboxes.tree import started_at

_PATIENCE_S = 10.0
_HOME = "/tmp"  # noqa: S108 - the sandbox's own tmpfs
_KERNEL_COUNTS_PER_NAMESPACE = (5, 14)
"""Linux from which RLIMIT_NPROC counts within the user namespace, not all processes of the user."""


class BubblewrapSandbox:
    """Runs the worker in namespaces of its own, made by `bwrap`."""

    def __init__(self, spec: SandboxSpec, *, worker: tuple[str, ...] = WORKER) -> None:
        """Raises UsageError for a mount that cannot be had, or what only a container has."""
        refuse_docker_settings(spec)
        self._mounts = mounts_of(spec)
        for mount in self._mounts:
            _refuse_mount(spec.name, Path(mount.source), Path(mount.target or mount.source), mount.writable)
        self._told, self._foreign = interpreters_of(spec), foreign(spec.interpreters.values())
        self._gpu = spec.gpu
        self.name, self.limits = spec.name, spec.limits
        self._worker = worker

    def check(self) -> None:
        """Start the profile once with an interpreter that does nothing; about 100 ms."""
        need_worker(self._worker)
        user = own_user()
        with _filter() as code:
            line = profile(user=user, code=code, mounts=self._mounts, foreign=self._foreign)
            ours = (*interpreter(), Path(sysconfig.get_path("purelib")))
            for path in (*ours, *self._foreign) if user is not None else ():
                if not readable_by_all(path):
                    raise IsolationUnavailable(
                        f"started as root, workers are users of their own, who may not read {path}",
                        hint=f"chmod -R o+rX {path}, or name another sandbox: --sandbox process",
                    )
            try:
                ended = subprocess.run(
                    (*line, "--", *Orders(user=user).before(sys.executable, "-I", "-S", "-c", "pass")),
                    env=clean_environment(os.environ, home=_HOME),
                    pass_fds=(code,),
                    capture_output=True,
                    text=True,
                    timeout=60,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise IsolationUnavailable("bubblewrap does not answer within 60 s") from error
        if ended.returncode != 0:
            raise _unavailable(ended.stderr)

    def describe(self) -> str:
        """In a line: whose rights workers have, and what limits them."""
        user = f"each worker a user of its own from {BASE}" if can_give_users() else "workers as this user"
        return f"namespaces of their own, {user}; {cgroups.describe()}"

    def run(self, folder: Path, *, resume_from: Path | None = None) -> Outcome:
        """Run the worker with `folder` as `/job`; see `Sandbox.run`."""
        folder = with_output(folder)
        user = own_user()
        with group_of(self.limits) as group, given(folder / "out", user), contextlib.ExitStack() as descriptors:
            orders = Orders.within(
                self.limits,
                gpu=self._gpu,
                processes=self.limits.processes if user is not None or _counts_processes() else None,
                user=user,
                joins=group.joins,
            )
            code = descriptors.enter_context(_filter())
            job = descriptors.enter_context(_opened(folder / "job.json"))
            status, theirs = os.pipe()
            reader = descriptors.enter_context(os.fdopen(status, "rb"))
            try:
                line = profile(
                    user=user,
                    code=code,
                    job=job,
                    out=folder / "out",
                    resume=resume_from.resolve() if resume_from is not None else None,
                    mounts=self._mounts,
                    foreign=self._foreign,
                    gpu=self._gpu,
                    status=theirs,
                )
                resume = ("--resume", RESUME) if resume_from is not None else ()
                outcome = run_child(
                    (*line, "--", *orders.before(*self._worker, JOB, *resume)),
                    clean_environment(os.environ, home=_HOME) | self._told | (driver_variables() if self._gpu else {}),
                    log=folder / "log.txt",
                    limits=self.limits,
                    group=group,
                    pass_fds=(theirs, code, job),
                )
            finally:
                os.close(theirs)
            told = re.search(rb'"child-pid": *(\d+)', reader.read())
            if told is None:
                raise _unavailable((folder / "log.txt").read_text(errors="replace")[:2000])
            _wait_for_namespace(int(told[1]))
        return outcome


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise InfrastructureError(f"cannot read {path}: {error.strerror}") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _filter() -> Iterator[int]:
    """A descriptor from which `bwrap` reads the worker's filter of system calls."""
    try:
        machine = lockdown.machine()
    except lockdown.LockdownError as error:
        raise IsolationUnavailable(
            f"a worker's system calls cannot be filtered here: {error}", hint="name another sandbox: --sandbox process"
        ) from error
    program = worker_filter.filter_program(machine, families=worker_filter.LOCAL, namespaces=False)
    descriptor = os.memfd_create("filter")
    try:
        os.write(descriptor, lockdown.encoded(program))
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


def _refuse_mount(sandbox: str, source: Path, target: Path, writable: bool) -> None:
    """Raise UsageError where a mount would hide what is the sandbox's own, or where its worker could not use it."""
    if target == Path("/") or any(target.is_relative_to(ours) for ours in OURS):
        raise UsageError(
            f"the sandbox {sandbox!r} mounts {source} at {target}, which is its own",
            hint="choose another target in its sandbox.toml",
        )
    if not can_give_users():
        return
    needed = "rwX" if writable else "rX"
    if not readable_by_all(source) or (writable and not source.stat().st_mode & 0o002):
        raise UsageError(
            f"the sandbox {sandbox!r} mounts {source}, which its workers may not {'write' if writable else 'read'}: "
            "started as root, they are users of their own",
            hint=f"chmod -R o+{needed} {source}",
        )


def _wait_for_namespace(init: int) -> None:
    """Wait until a sandbox's first process is gone, and so all others: bwrap itself ends a little before them."""
    deadline = time.monotonic() + _PATIENCE_S
    ours = Path("/proc/self/ns/pid").readlink()
    while started_at(init) is not None:
        try:
            if Path(f"/proc/{init}/ns/pid").readlink() == ours:
                return  # the number has gone to another process
        except OSError:
            return
        if time.monotonic() > deadline:
            raise InfrastructureError(f"the sandbox's first process {init} outlives bubblewrap")
        time.sleep(0.002)


def _counts_processes() -> bool:
    major, minor = platform.release().split(".")[:2]
    return (int(major), int("".join(c for c in minor if c.isdigit()) or 0)) >= _KERNEL_COUNTS_PER_NAMESPACE


def _unavailable(said: str) -> IsolationUnavailable:
    said = said.strip() or "it ended without a word"
    if "nknown option" in said:
        hint = "bubblewrap 0.8 or newer is needed: apt-get install bubblewrap"
    elif any(word in said for word in ("namespace", "uid map", "ermission", "not permitted")):
        hint = (
            "this machine refuses namespaces: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu 23.10 "
            "and later); inside a container, which is a wall of its own, name another sandbox: --sandbox process"
        )
    else:
        hint = "run `rewardsmith doctor`, or name another sandbox: --sandbox process"
    return IsolationUnavailable(f"bubblewrap cannot set up the sandbox: {said}", hint=hint)
