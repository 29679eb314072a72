"""Namespaces of its own for a reward process, by bubblewrap: the outer layer around `lockdown`."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np

NO_BUBBLEWRAP = "bubblewrap is not installed: apt-get install bubblewrap"
NO_NAMESPACES = (
    "bubblewrap is there but may not make user namespaces. On Ubuntu 23.10 and later: "
    "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for bwrap. Inside Docker its "
    "default seccomp profile refuses them: the container is the outer layer there"
)


@functools.cache
def unavailable() -> str | None:
    """Why this machine cannot give a process namespaces of its own, and what to do; None where it can.

    Tried once per process, with the very profile that is used.
    """
    if sys.platform != "linux" or shutil.which("bwrap") is None:
        return NO_BUBBLEWRAP if sys.platform == "linux" else "bubblewrap exists on Linux only"
    command = [
        *prefix(()),
        *interpreter(),
        "-c",
        "import sys; sys.path.append(sys.argv[1]); import numpy",
        str(library()),
    ]
    try:
        tried = subprocess.run(command, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{NO_NAMESPACES} ({type(error).__name__})"
    if tried.returncode == 0:
        return None
    said = "".join(c for c in tried.stderr.decode(errors="replace").strip() if c.isprintable())
    return f"{NO_NAMESPACES} ({said[-200:]})"


def prefix(code: tuple[Path, ...], *, info: int | None = None) -> list[str]:
    """The bubblewrap command line that a command is appended to.

    Inside there are the system's libraries, this interpreter with its standard library, numpy, and `code`, all
    read-only at their own paths; no shell, no /proc, /dev, /etc or /sys, no network, no other process.

    Args:
        code: Files and folders that the command runs.
        info: Descriptor on which bubblewrap tells the pid of the first process inside, as JSON.
    """
    bubblewrap = shutil.which("bwrap") or "bwrap"
    line = [
        bubblewrap, "--unshare-all", "--unshare-user", "--disable-userns", "--new-session", "--die-with-parent",
        "--uid", "10001", "--gid", "10001", "--hostname", "sandbox", "--cap-drop", "ALL",
    ]  # fmt: skip
    bound: list[Path] = []
    for folder in ("/usr/lib", "/usr/lib64", "/lib", "/lib64"):
        path = Path(folder)
        if path.is_symlink():
            line += ["--symlink", str(path.readlink()), folder]
        elif path.is_dir():
            line += ["--ro-bind", folder, folder]
            bound.append(path)
    for path in (*_interpreter_files(), *_numpy_folders(), *(path.resolve() for path in code)):
        if not any(path.is_relative_to(folder) for folder in bound):
            line += ["--ro-bind", str(path), str(path)]
            bound.append(path)
    if info is not None:
        line += ["--info-fd", str(info)]
    return [*line, "--chdir", "/", "--remount-ro", "/"]


def interpreter() -> list[str]:
    """This interpreter without site-packages, user folders, or the script's folder on its path."""
    return [str(_executable()), "-P", "-s", "-S", "-B"]


def environment() -> dict[str, str]:
    """All that a reward process knows of the environment: one thread, a fixed order of sets."""
    return {
        "PYTHONHASHSEED": "0",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "LC_ALL": "C.UTF-8",
    }


def library() -> Path:
    """The folder in which numpy lies."""
    return Path(np.__file__).resolve().parent.parent


def _executable() -> Path:
    return Path(getattr(sys, "_base_executable", "") or sys.executable).resolve()


def _interpreter_files() -> list[Path]:
    bases = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}
    paths = [Path(sysconfig.get_path(name, vars=bases)).resolve() for name in ("stdlib", "platstdlib")]
    files = [_executable(), *(path for path in paths if path.is_dir())]
    shared = Path(sysconfig.get_config_var("LIBDIR") or "/usr/lib") / (sysconfig.get_config_var("INSTSONAME") or "-")
    if shared.is_file() and shared.suffix != ".a":
        files.append(shared)
    return files


def _numpy_folders() -> list[Path]:
    return [folder for name in ("numpy", "numpy.libs") if (folder := library() / name).is_dir()]
