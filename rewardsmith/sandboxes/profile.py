"""The command line of `bwrap`: what a worker sees, and nothing else."""

from __future__ import annotations

import re
import shutil
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

from rewardsmith.domain.sandbox import Mount
from rewardsmith.errors import IsolationUnavailable
from rewardsmith.sandboxes.child import PACKAGE, package_path
from rewardsmith.sandboxes.gpus import device_files, driver_folders, kernel_folders

JOB = "/job"
"""Folder of the job inside."""
RESUME = "/resume"
"""Folder to continue from, inside."""
OURS = ("/job", "/resume", "/proc", "/dev")
"""Folders inside over which nothing is mounted."""

_TMP_BYTES = 64 * 2**20
_SHM_BYTES = 2**20


def profile(
    *, user: int | None, code: int, job: int | None = None, out: Path | None = None, resume: Path | None = None,
    mounts: Iterable[Mount] = (), foreign: Iterable[Path] = (), gpu: bool = False, status: int | None = None,
) -> list[str]:  # fmt: skip
    """`bwrap` with its options, up to the command.

    Without a user namespace (`user` given, which only root can) the launcher becomes `user`; the filter then keeps it
    from making a namespace of its own, as `--disable-userns` does otherwise.

    Args:
        user: User that the launcher will become, absent where it stays this one (10001 inside, without capabilities).
        code: Descriptor of the filter of system calls.
        job: Descriptor of `job.json`.
        out: Folder that the worker writes into.
        resume: Folder that it continues from.
        mounts: What it sees besides.
        foreign: Paths of other interpreters, from `foreign`.
        gpu: Whether the GPUs are shown; a reward process below it can open nothing, and so none of them.
        status: Descriptor on which `bwrap` tells the pid of the first process inside, as JSON.

    Raises:
        IsolationUnavailable: There is no `bwrap`.
    """
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise IsolationUnavailable(
            "bubblewrap (bwrap) is not installed",
            hint="apt-get install bubblewrap, or name another sandbox: --sandbox process",
        )
    line = [bwrap, "--new-session", "--die-with-parent", "--hostname", "sandbox", "--cap-drop", "ALL"]
    if user is None:
        line += ["--unshare-all", "--unshare-user", "--disable-userns", "--uid", "10001", "--gid", "10001"]
    else:
        line += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
        line += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    line += ["--seccomp", str(code), "--proc", "/proc", "--dev", "/dev"]
    for place, size in (("/dev/shm", _SHM_BYTES), ("/tmp", _TMP_BYTES)):  # noqa: S108
        line += ["--perms", "1777", "--size", str(size), "--tmpfs", place]
    line += [*_system(), *(word for path in interpreter() for word in _bound("--ro-bind", path, path))]
    line += [word for path in foreign for word in _bound("--ro-bind", path, path)]
    if gpu:
        line += _gpus()
    if job is not None:
        line += [*_parents(f"{JOB}/job.json"), "--perms", "0444", "--ro-bind-data", str(job), f"{JOB}/job.json"]
    if out is not None:
        line += _bound("--bind", out, f"{JOB}/out")
    if resume is not None:
        line += _bound("--ro-bind", resume, RESUME)
    for mount in mounts:
        line += _bound("--bind" if mount.writable else "--ro-bind", mount.source, mount.target or mount.source)
    if status is not None:
        line += ["--json-status-fd", str(status)]
    return [*line, "--remount-ro", "/", "--chdir", "/tmp"]  # noqa: S108


def interpreter() -> list[Path]:
    """Paths of the interpreter, its standard library, its virtual environment and this package.

    A virtual environment's base may lie elsewhere (pyenv), and either may be reached through links: each path is bound
    where it is named and where it really is. Of a prefix that the whole system shares only libraries are taken.
    """
    wanted = [Path(sys.prefix), Path(sys.base_prefix), Path(sysconfig.get_path("stdlib"))]
    wanted += [Path(sys.executable).resolve(), Path(sys.executable)]
    if (parent := package_path()) is not None:
        wanted.append(parent if parent.name in ("site-packages", "dist-packages") else PACKAGE)
    return _places(wanted)


def foreign(executables: Iterable[str]) -> list[Path]:
    """Paths of other interpreters: their prefixes, and of a virtual environment also its base; none is run to tell."""
    wanted: list[Path] = []
    for executable in map(Path, executables):
        wanted += [executable.parent.parent, executable.resolve().parent.parent, executable.resolve(), executable]
        settings = executable.parent.parent / "pyvenv.cfg"
        homes = re.findall(r"(?m)^home *= *(/.+?) *$", settings.read_text()) if settings.is_file() else []
        wanted += [Path(home).parent for home in homes]
    return _places(wanted)


def _places(wanted: Iterable[Path]) -> list[Path]:
    bound: list[Path] = []
    for path in wanted:
        for place in (path, path.resolve()):
            if place in (Path("/usr"), Path("/usr/local"), Path("/")):
                places = [p for p in (place / "lib", place / "lib64") if p.is_dir() and p != Path("/usr/lib")]
            else:
                places = [place]
            bound += [p for p in places if not any(p.is_relative_to(b) for b in [*bound, Path("/usr/lib")])]
    return bound


def _system() -> Iterator[str]:
    """Shared libraries and their loader, and what drawing without a display reads."""
    yield from _bound("--ro-bind", "/usr/lib", "/usr/lib")
    for name in ("/usr/lib64", "/usr/lib32", "/etc/ld.so.cache", "/usr/share/glvnd", "/usr/share/zoneinfo"):
        yield from _bound("--ro-bind-try", name, name)
    for link in ("/lib", "/lib64", "/lib32"):
        path = Path(link)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), link)
        elif path.is_dir():
            yield from ("--ro-bind", link, link)


def _gpus() -> Iterator[str]:
    for path in device_files():
        yield from _bound("--dev-bind", path, path)
    for path in (*kernel_folders(), *_places(driver_folders())):
        yield from _bound("--ro-bind", path, path)


def _bound(option: str, source: str | Path, target: str | Path) -> list[str]:
    return [*_parents(target), option, str(source), str(target)]


def _parents(target: str | Path) -> Iterator[str]:
    """The folders above `target`, open to every user: left to itself `bwrap` makes them for root alone."""
    for parent in reversed(Path(target).parents[:-1]):
        yield from ("--perms", "0755", "--dir", str(parent))
