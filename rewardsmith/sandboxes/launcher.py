"""First thing inside a sandbox: carry out the orders, then become the worker, or watch over it.

`python -m rewardsmith.sandboxes.launcher ORDERS COMMAND...` with `Orders` in JSON. With a supervisor the launcher stays
as the worker's parent: whatever it starts, even in a session of its own, stays below the launcher and dies with it,
with its worker, or with the supervisor. Standard library only.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import struct
import sys
from types import FrameType
from typing import NamedTuple, NoReturn

from rewardsmith.isolation import lockdown, worker_filter
from rewardsmith.sandboxes.tree import adopt_orphans, die_with_parent, kill_descendants

_CANNOT_START = 127
_CAPABILITY_VERSION = 0x20080522


class Orders(NamedTuple):
    """What the launcher does before the worker runs."""

    memory: int | None
    """Bytes of address space per process."""
    file: int | None
    """Bytes of the largest file."""
    processes: int | None
    """Processes and threads of the worker's user."""
    supervisor: int | None = None
    """Process that must not die first; absent where a pid namespace does that work."""
    user: int | None = None
    """User and group that it becomes, without any capability; absent where it stays who it is."""
    joins: tuple[int, ...] = ()
    """Descriptors of the control groups that it joins."""
    filtered: bool = False
    """Whether it loads the worker's filter of system calls, which bubblewrap does otherwise."""

    def written(self) -> str:
        """As JSON."""
        return json.dumps(self._asdict())


def main(argv: list[str]) -> NoReturn:
    """Run `argv[1:]` under the orders in `argv[0]`; ends with its exit code, 128 + n for signal n."""
    orders = Orders(**json.loads(argv[0]))
    if orders.supervisor is None:
        _become(argv[1:], orders, None)
    signal.signal(signal.SIGTERM, _end)
    adopt_orphans()
    die_with_parent(signal.SIGTERM, orders.supervisor)
    launcher = os.getpid()
    worker = os.fork()
    if worker == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _become(argv[1:], orders, launcher)
    try:
        status = _wait(worker)
    finally:
        kill_descendants(launcher)
    code = os.waitstatus_to_exitcode(status)
    sys.exit(code if code >= 0 else 128 - code)


def _become(command: list[str], orders: Orders, launcher: int | None) -> NoReturn:
    try:
        for descriptor in orders.joins:
            os.write(descriptor, b"0")
            os.close(descriptor)
        _limit(resource.RLIMIT_AS, orders.memory)
        _limit(resource.RLIMIT_FSIZE, orders.file)
        _limit(resource.RLIMIT_CORE, 0)
        _limit(resource.RLIMIT_NPROC, orders.processes)
        if orders.user is not None:
            _turn_into(orders.user)
        if launcher is not None:
            die_with_parent(signal.SIGKILL, launcher)  # after the change of user, which would undo it
        if orders.filtered:
            program = worker_filter.filter_program(
                lockdown.machine(), families=worker_filter.NO_NETWORK, namespaces=True
            )
            lockdown.install(program)
        os.execv(command[0], command)  # noqa: S606
    except (OSError, lockdown.LockdownError) as error:
        print(f"cannot start {command[0]}: {error}", file=sys.stderr)
        os._exit(_CANNOT_START)


def _turn_into(user: int) -> None:
    """Become `user`, alone in its group, for good; what it writes others may read."""
    os.umask(0o022)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(struct.pack("=Ii", _CAPABILITY_VERSION, 0), bytes(24)) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def _limit(kind: int, wanted: int | None) -> None:
    if wanted is None:
        return
    hard = resource.getrlimit(kind)[1]
    value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(kind, (value, value))


def _wait(worker: int) -> int:
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == worker:
            return status


def _end(number: int, _: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


if __name__ == "__main__":
    main(sys.argv[1:])
