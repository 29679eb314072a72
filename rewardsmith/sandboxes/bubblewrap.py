"""`bubblewrap`: no network, no keys, no other process, and no file but the interpreter's, ours and the job's.

The kernel's user stays that of whoever starts it (inside it is 10001, with no capability). Started as root, files of
other users can therefore be read where everyone may read them, written nowhere but in `out/`, and RLIMIT_NPROC binds
nobody: the limit on processes holds for ordinary users only.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.errors import InfrastructureError, IsolationUnavailable
from rewardsmith.sandboxes.child import (
    LAUNCHER,
    PACKAGE,
    WORKER,
    clean_environment,
    package_path,
    run_child,
    with_output,
)
from rewardsmith.sandboxes.sandbox import Outcome
from rewardsmith.sandboxes.tree import started_at

_JOB = "/job"
_RESUME = "/resume"
_PATIENCE_S = 10.0
_TMP_BYTES = 64 * 2**20
_SHM_BYTES = 2**20
_KERNEL_COUNTS_PER_NAMESPACE = (5, 14)
"""Linux from which RLIMIT_NPROC counts within the user namespace, not all processes of the user."""


class BubblewrapSandbox:
    """Runs the worker in namespaces of its own, made by `bwrap`."""

    def __init__(self, spec: SandboxSpec, *, worker: tuple[str, ...] = WORKER) -> None:
        self.name, self.limits, self._mounts = spec.name, spec.limits, spec.mounts
        self._worker = worker

    def check(self) -> None:
        """Start the profile once with an interpreter that does nothing; about 50 ms."""
        command = (*_profile(), "--", sys.executable, "-I", "-S", "-c", "pass")
        try:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        except subprocess.TimeoutExpired as error:
            raise IsolationUnavailable("bubblewrap does not answer within 60 s") from error
        if ended.returncode != 0:
            raise _unavailable(ended.stderr)

    def run(self, folder: Path, *, resume_from: Path | None = None) -> Outcome:
        """Run the worker with `folder` as `/job`; see `Sandbox.run`."""
        folder = with_output(folder)
        binds = [
            "--ro-bind",
            str(folder / "job.json"),
            f"{_JOB}/job.json",
            "--bind",
            str(folder / "out"),
            f"{_JOB}/out",
        ]
        arguments = [_JOB]
        if resume_from is not None:
            binds += ["--ro-bind", str(resume_from.resolve()), _RESUME]
            arguments += ["--resume", _RESUME]
        limits = {
            "memory": self.limits.memory_mib * 2**20,
            "file": self.limits.output_mib * 2**20,
            "processes": self.limits.processes if _counts_processes() else None,
            "supervisor": None,
        }
        status, theirs = os.pipe()
        try:
            outcome = run_child(
                (
                    *_profile(*binds, "--json-status-fd", str(theirs)),
                    "--",
                    *LAUNCHER,
                    json.dumps(limits),
                    *self._worker,
                    *arguments,
                ),
                clean_environment(os.environ, home="/tmp"),  # noqa: S108 - the sandbox's own tmpfs
                log=folder / "log.txt",
                limits=self.limits,
                pass_fds=(theirs,),
            )
        finally:
            os.close(theirs)
            with os.fdopen(status, "rb") as reader:
                told = re.search(rb'"child-pid": *(\d+)', reader.read())
        if told is None:
            raise _unavailable((folder / "log.txt").read_text(errors="replace")[:2000])
        _wait_for_namespace(int(told[1]))
        return outcome


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


def _profile(*binds: str) -> list[str]:
    """`bwrap` with its options, up to the command; `binds` come after the machine's own folders."""
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise IsolationUnavailable(
            "bubblewrap (bwrap) is not installed",
            hint="apt-get install bubblewrap, or name another sandbox: --sandbox process",
        )
    return [
        bwrap,
        *("--unshare-all", "--unshare-user", "--disable-userns", "--new-session", "--die-with-parent"),
        *("--uid", "10001", "--gid", "10001", "--hostname", "sandbox", "--cap-drop", "ALL"),
        *("--proc", "/proc", "--dev", "/dev", "--size", str(_SHM_BYTES), "--tmpfs", "/dev/shm"),  # noqa: S108
        *("--size", str(_TMP_BYTES), "--tmpfs", "/tmp"),  # noqa: S108
        *_system(),
        *(argument for path in _interpreter() for argument in ("--ro-bind", path, path)),
        *binds,
        *("--remount-ro", "/", "--chdir", "/tmp"),  # noqa: S108
    ]


def _system() -> Iterator[str]:
    """Shared libraries and their loader, and what drawing without a display reads."""
    yield from ("--ro-bind", "/usr/lib", "/usr/lib")
    for name in ("/usr/lib64", "/usr/lib32", "/etc/ld.so.cache", "/usr/share/glvnd", "/usr/share/zoneinfo"):
        yield from ("--ro-bind-try", name, name)
    for link in ("/lib", "/lib64", "/lib32"):
        path = Path(link)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), link)
        elif path.is_dir():
            yield from ("--ro-bind", link, link)


def _interpreter() -> list[str]:
    """Paths of the interpreter, its standard library, its virtual environment and this package.

    A virtual environment's base may lie elsewhere (pyenv), and either may be reached through links: each path is bound
    where it is named and where it really is. Of a prefix that the whole system shares only libraries are taken.
    """
    wanted = [Path(sys.prefix), Path(sys.base_prefix), Path(sysconfig.get_path("stdlib"))]
    wanted += [Path(sys.executable).resolve(), Path(sys.executable)]
    if (parent := package_path()) is not None:
        wanted.append(parent if parent.name in ("site-packages", "dist-packages") else PACKAGE)
    bound: list[Path] = []
    for path in wanted:
        for place in (path, path.resolve()):
            if place in (Path("/usr"), Path("/usr/local"), Path("/")):
                places = [p for p in (place / "lib", place / "lib64") if p.is_dir() and p != Path("/usr/lib")]
            else:
                places = [place]
            bound += [p for p in places if not any(p.is_relative_to(b) for b in [*bound, Path("/usr/lib")])]
    return [str(path) for path in bound]


def _counts_processes() -> bool:
    major, minor = platform.release().split(".")[:2]
    return (int(major), int("".join(c for c in minor if c.isdigit()) or 0)) >= _KERNEL_COUNTS_PER_NAMESPACE


def _unavailable(said: str) -> IsolationUnavailable:
    said = said.strip() or "it ended without a word"
    if "nknown option" in said:
        hint = "bubblewrap 0.8 or newer is needed: apt-get install bubblewrap"
    elif any(word in said for word in ("namespace", "uid map", "ermission", "not permitted")):
        hint = (
            "this machine refuses user namespaces: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 "
            "(Ubuntu 23.10 and later), or inside a container name another sandbox: --sandbox process"
        )
    else:
        hint = "run `rewardsmith doctor`, or name another sandbox: --sandbox process"
    return IsolationUnavailable(f"bubblewrap cannot set up the sandbox: {said}", hint=hint)
