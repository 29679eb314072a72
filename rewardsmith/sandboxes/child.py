"""One child process on a leash: a wall clock, a log that is cut and never blocks it, its tree dead at the end."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rewardsmith.domain.sandbox import SandboxLimits
from rewardsmith.errors import InfrastructureError, MissingExtra
from rewardsmith.isolation import cgroups
from rewardsmith.isolation.cgroups import Group
from rewardsmith.sandboxes.identity import hand_back, hand_over
from rewardsmith.sandboxes.sandbox import Outcome
from rewardsmith.sandboxes.tree import kill_tree

PACKAGE = Path(__file__).resolve().parents[1]
"""Folder of the package."""

WORKER = (sys.executable, "-s", "-P", "-m", "rewardsmith.worker")
"""Command of the worker; the job folder follows, then `--resume` and the folder to continue from."""

SIMULATOR = ("gymnasium", "mujoco")
"""What every worker imports."""
TRAINER = ("torch", "stable_baselines3", "sb3_contrib", "tensorboard")
"""What one imports beside it that trains, or plays what was trained."""

ALLOWED = (
    *("LANG", "LC_ALL", "TZ", "MUJOCO_GL", "PYOPENGL_PLATFORM", "CUDA_VISIBLE_DEVICES", "WARP_CACHE_PATH"),
    *("TORCH_EXTENSIONS_DIR", "OMNI_KIT_ACCEPT_EULA"),
)
"""Environment variables that a worker inherits; every other one stays outside."""

_CHUNK = 65536


def package_path() -> Path | None:
    """The folder to put on the module search path, where the interpreter would not find the package by itself."""
    parent = PACKAGE.parent
    return None if parent.is_relative_to(Path(sys.prefix).resolve()) else parent


def clean_environment(inherited: Mapping[str, str], *, home: str) -> dict[str, str]:
    """The worker's environment: no keys, one thread per numeric library, `home` as home and temporary folder."""
    environment = {name: inherited[name] for name in ALLOWED if name in inherited}
    environment.setdefault("LANG", "C.UTF-8")
    environment.setdefault("MUJOCO_GL", _renderer())
    environment |= {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": home,
        "USER": "worker",
        "LOGNAME": "worker",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "NUMEXPR_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",
    }
    if (path := package_path()) is not None:
        environment["PYTHONPATH"] = str(path)
    return environment


def lacking(packages: Sequence[str]) -> list[str]:
    """Those that are not installed for workers on this machine."""
    return [name for name in packages if importlib.util.find_spec(name) is None]


def need_worker(worker: tuple[str, ...]) -> None:
    """Raise MissingExtra where the worker would find no simulator; any other command is not our business."""
    if worker == WORKER and (missing := lacking(SIMULATOR)):
        raise MissingExtra(
            f"not installed, but needed by workers on this machine: {', '.join(missing)}",
            hint="pip install 'rewardsmith[worker]', or let workers run in containers: --sandbox docker",
        )


def out_of_memory(limits: SandboxLimits) -> str:
    """Why a worker was ended that met the limit."""
    return f"out of memory: the worker and what it started needed more than {limits.memory_mib} MiB (memory_mib)"


def with_output(folder: Path) -> Path:
    """The job's folder, resolved, with an `out/` in it. Raises InfrastructureError where none can be made."""
    folder = folder.resolve()
    try:
        (folder / "out").mkdir(exist_ok=True)
    except OSError as error:
        raise InfrastructureError(f"cannot write into {folder}: {error.strerror}") from error
    return folder


@contextlib.contextmanager
def group_of(limits: SandboxLimits) -> Iterator[Group]:
    """The control group of one worker; one that limits nothing where none can be made."""
    try:
        group = Group(cgroups.places(), memory=limits.memory_mib * 2**20, processes=limits.processes)
    except OSError as error:
        raise InfrastructureError(f"cannot make a control group: {error}") from error
    with group:
        yield group


@contextlib.contextmanager
def given(folder: Path, user: int | None) -> Iterator[None]:
    """`folder` belongs to `user` meanwhile, where there is one, and to the owner of the folder around it again."""
    if user is None:
        yield
        return
    hand_over(folder, user)
    try:
        yield
    finally:
        hand_back(folder)


def run_child(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    log: Path,
    limits: SandboxLimits,
    group: Group,
    pass_fds: Sequence[int] = (),
) -> Outcome:
    """Run `command` until it ends or its wall clock runs out; its whole tree is dead on return.

    `command` must be the head of its tree: a launcher that supervises, or bubblewrap with a pid namespace. The
    launcher joins `group`.

    Raises:
        InfrastructureError: It cannot be started, or its log cannot be written.
    """
    deadline = time.monotonic() + limits.wall_s
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd="/",
            start_new_session=True,
            pass_fds=(*pass_fds, *group.joins),
        )
    except OSError as error:
        raise InfrastructureError(f"cannot start {command[0]}: {error}") from error
    timed_out = False
    try:
        with Log(log, limits.log_mib * 2**20) as kept:
            timed_out = not _follow(process, kept, deadline)
            kill_tree(process.pid)
            process.wait()
            _drain(process, kept)
    finally:
        kill_tree(process.pid) if process.returncode is None else None
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
    code = process.returncode if process.returncode >= 0 else 128 - process.returncode
    reason = ""
    if code != 0 and group.out_of_memory:
        reason = out_of_memory(limits)
    return Outcome(exit_code=code, timed_out=timed_out, reason=reason)


def _follow(process: subprocess.Popen[bytes], log: Log, deadline: float) -> bool:
    """Keep the log until the process ends; false when the deadline comes first."""
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    ended = os.pidfd_open(process.pid)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(ended, selectors.EVENT_READ)
            selector.register(process.stdout, selectors.EVENT_READ)
            while (left := deadline - time.monotonic()) > 0:
                for key, _ in selector.select(left):
                    if key.fileobj == ended:
                        return True
                    with contextlib.suppress(BlockingIOError):
                        data = os.read(process.stdout.fileno(), _CHUNK)
                        if data:
                            log.keep(data)
                        else:
                            selector.unregister(process.stdout)
    finally:
        os.close(ended)
    return False


def _drain(process: subprocess.Popen[bytes], log: Log) -> None:
    assert process.stdout is not None
    with contextlib.suppress(BlockingIOError):
        while data := os.read(process.stdout.fileno(), _CHUNK):
            log.keep(data)


class Log:
    """A log file that takes everything and keeps the first `limit` bytes. Raises InfrastructureError if it cannot."""

    def __init__(self, path: Path, limit: int) -> None:
        self._left = limit
        self._limit = limit
        try:
            self._file = path.open("wb", buffering=0)
        except OSError as error:
            raise InfrastructureError(f"cannot write {path}: {error.strerror}") from error

    def keep(self, data: bytes) -> None:
        """Take more of the worker's output."""
        if self._left <= 0:
            return
        with contextlib.suppress(OSError):  # a full disk must not end the training that it only comments
            self._file.write(data[: self._left])
            self._left -= len(data)
            if self._left <= 0:
                self._file.write(f"\n[cut after {self._limit} bytes]\n".encode())

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _renderer() -> str:
    """How MuJoCo may draw without a display; importing it fails where the named library is missing."""
    folders = [Path("/usr/lib"), Path("/usr/lib64"), *Path("/usr/lib").glob("*-linux-gnu")]
    for name, library in (("egl", "libEGL.so.1"), ("osmesa", "libOSMesa.so.8")):
        if any((folder / library).exists() for folder in folders):
            return name
    return "disable"
