"""First thing inside a sandbox: carry out the orders, then become the worker, or watch over it.

`python -I -S -B launcher.py ORDERS COMMAND...` with the fields of `Orders` as `name=number ...`. With a supervisor the
launcher stays as the worker's parent: whatever it starts, even in a session of its own, stays below the launcher and
dies with it, with its worker, or with the supervisor.

Run by its path, before every worker: it imports what takes no time, and the rest where it is needed.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

_CANNOT_START = 127
_CAPABILITY_VERSION = 0x20080522


def main(argv: list[str]) -> NoReturn:
    """Run `argv[1:]` under the orders in `argv[0]`; ends with its exit code, 128 + n for signal n."""
    pairs = (word.split("=") for word in argv[0].split())
    orders = {name: [int(number) for number in numbers.split(",")] for name, numbers in pairs}
    if "supervisor" not in orders:
        _become(argv[1:], orders)
    _supervise(argv[1:], orders, *orders["supervisor"])


def _supervise(command: list[str], orders: dict[str, list[int]], supervisor: int) -> NoReturn:
    _find_package()
    import signal

    from rewardsmith.sandboxes.tree import adopt_orphans, die_with_parent, kill_descendants

    signal.signal(signal.SIGTERM, _end)
    adopt_orphans()
    die_with_parent(signal.SIGTERM, supervisor)
    launcher = os.getpid()
    worker = os.fork()
    if worker == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _become(command, orders, launcher)
    try:
        status = _wait(worker)
    finally:
        kill_descendants(launcher)
    code = os.waitstatus_to_exitcode(status)
    sys.exit(code if code >= 0 else 128 - code)


def _become(command: list[str], orders: dict[str, list[int]], launcher: int | None = None) -> NoReturn:
    limits = {
        resource.RLIMIT_AS: orders.get("memory"),
        resource.RLIMIT_DATA: orders.get("data"),
        resource.RLIMIT_FSIZE: orders.get("file"),
        resource.RLIMIT_CORE: [0],
        resource.RLIMIT_NPROC: orders.get("processes"),
    }
    try:
        for descriptor in orders.get("joins", ()):
            os.write(descriptor, b"0")
            os.close(descriptor)
        for kind, wanted in limits.items():
            _limit(kind, *wanted or ())
        for user in orders.get("user", ()):
            _turn_into(user)
        if launcher is not None:
            _die_with(launcher)
        if "filtered" in orders:
            _filter()
        os.execv(command[0], command)  # noqa: S606
    except Exception as error:  # whatever it is, nothing may run without its limits
        print(f"cannot start {command[0]}: {error}", file=sys.stderr)
        os._exit(_CANNOT_START)


def _limit(kind: int, *values: int) -> None:
    for wanted in values:
        hard = resource.getrlimit(kind)[1]
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (value, value))


def _turn_into(user: int) -> None:
    """Become `user`, alone in its group, for good; what it writes others may read."""
    os.umask(0o022)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    libc = ctypes.CDLL(None, use_errno=True)
    header = _CAPABILITY_VERSION.to_bytes(4, sys.byteorder) + bytes(4)
    if libc.capset(header, bytes(24)) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def _die_with(launcher: int) -> None:
    """End when the launcher does; after the change of user, which would undo it."""
    import signal

    from rewardsmith.sandboxes.tree import die_with_parent

    die_with_parent(signal.SIGKILL, launcher)


def _filter() -> None:
    """Refuse calls, for a worker that shares the machine's network and has no namespaces around it."""
    from rewardsmith.isolation import lockdown, worker_filter

    families = worker_filter.NO_NETWORK
    lockdown.install(worker_filter.filter_program(lockdown.machine(), families=families, namespaces=True))


def _find_package() -> None:
    """Let this package's modules be imported without running any `__init__`."""
    import types

    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
    for name in ("rewardsmith", "rewardsmith.isolation", "rewardsmith.sandboxes"):
        package = types.ModuleType(name)
        package.__path__ = [os.path.join(root, *name.split(".")[1:])]  # noqa: PTH118
        sys.modules[name] = package


def _wait(worker: int) -> int:
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == worker:
            return status


def _end(number: int, _: FrameType | None) -> NoReturn:
    import signal

    signal.signal(number, signal.SIG_IGN)  # each thread of a supervisor that dies sends one, and whoever stops a job
    sys.exit(128 + number)


if __name__ == "__main__":
    main(sys.argv[1:])
