"""First thing inside a sandbox: set the limits, then become the worker, or watch over it.

`python -m rewardsmith.sandboxes.launcher LIMITS COMMAND...` with LIMITS in JSON: `memory` and `file` in bytes,
`processes` (or null), and `supervisor`, the pid of whoever must not die first (or null where a pid namespace does
that work). With a supervisor the launcher stays as the worker's parent: whatever it starts, even in a session of its
own, stays below the launcher and dies with it, with its worker, or with the supervisor. Standard library only.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from types import FrameType
from typing import NoReturn

from rewardsmith.sandboxes.tree import adopt_orphans, die_with_parent, kill_descendants


def main(argv: list[str]) -> NoReturn:
    """Run `argv[1:]` under the limits in `argv[0]`; ends with its exit code, 128 + n for signal n."""
    limits = json.loads(argv[0])
    supervisor = limits["supervisor"]
    if supervisor is None:
        _become(argv[1:], limits)
    signal.signal(signal.SIGTERM, _end)
    adopt_orphans()
    die_with_parent(signal.SIGTERM, supervisor)
    launcher = os.getpid()
    worker = os.fork()
    if worker == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        die_with_parent(signal.SIGKILL, launcher)
        _become(argv[1:], limits)
    try:
        status = _wait(worker)
    finally:
        kill_descendants(launcher)
    code = os.waitstatus_to_exitcode(status)
    sys.exit(code if code >= 0 else 128 - code)


def _become(command: list[str], limits: dict[str, int | None]) -> NoReturn:
    _limit(resource.RLIMIT_AS, limits["memory"])
    _limit(resource.RLIMIT_FSIZE, limits["file"])
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NPROC, limits["processes"])
    try:
        os.execv(command[0], command)  # noqa: S606
    except OSError as error:
        print(f"cannot start {command[0]}: {error}", file=sys.stderr)
        os._exit(127)


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
