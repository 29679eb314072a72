"""First process of a container: see that it holds our code, run the worker, end with it or with whoever wants it.

`python3 -m rewardsmith.sandboxes.container FINGERPRINT COMMAND...` with FINGERPRINT as the orchestrator has it.
Standard input is held open by the orchestrator's side and never written; its end means that nobody waits for the
worker any more. As the first process of its namespace this one takes every other with it. Standard library only.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import select
import sys
import threading
from pathlib import Path
from typing import NoReturn

from rewardsmith.isolation import lockdown, worker_filter

PACKAGE = Path(__file__).resolve().parents[1]
"""Folder of the package."""

ROOMS = (
    *("__init__.py", "errors.py", "syntax.py", "domain", "isolation", "reward", "environments", "export", "worker"),
    *("store/__init__.py", "store/arrays.py", "store/untrusted.py"),
    *("sandboxes/__init__.py", "sandboxes/container.py"),
)
"""What runs inside a container."""

OTHER_CODE = 125
"""Exit code when the image holds other code than the orchestrator; the log says which."""

OUT_OF_MEMORY = b"the container ran out of memory\n"
"""Last line of the log when the kernel has killed a process for its memory."""

_CANNOT_START, _KILLED, _ABANDONED = 127, 137, 143
_GLANCE_S = 0.5
_PR_SET_DUMPABLE = 4
_OOM_COUNTERS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")


def code(package: Path = PACKAGE) -> list[Path]:
    """The files that run inside a container, sorted."""
    found = (package.glob(room) if room.endswith(".py") else (package / room).rglob("*.py") for room in ROOMS)
    return sorted(path for paths in found for path in paths)


def fingerprint(package: Path = PACKAGE) -> str:
    """Twelve hexadecimal digits that change with any code that runs inside a container; about 10 ms."""
    digest = hashlib.sha256()
    for path in code(package):
        text = path.read_bytes()
        digest.update(f"{path.relative_to(package).as_posix()} {len(text)}\n".encode() + text)
    return digest.hexdigest()[:12]


def main(argv: list[str]) -> NoReturn:
    """Run `argv[1:]`; ends with its exit code, 128 + n for signal n."""
    wanted, *command = argv
    if (ours := fingerprint()) != wanted:
        from rewardsmith import __version__

        print(f"the image holds rewardsmith {__version__} with code {ours}; {wanted} is wanted", flush=True)
        sys.exit(OTHER_CODE)
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)  # or the worker could hold our standard input open
    lockdown.install(worker_filter.filter_program(lockdown.machine(), families=worker_filter.LOCAL, namespaces=False))
    threading.Thread(target=_watch, daemon=True).start()
    try:
        worker = os.posix_spawnp(
            command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
        )
    except OSError as error:
        print(f"cannot start {command[0]}: {error.strerror}", flush=True)
        sys.exit(_CANNOT_START)
    while (ended := os.waitpid(-1, 0))[0] != worker:
        pass
    code = os.waitstatus_to_exitcode(ended[1])
    if code != 0 and _out_of_memory():
        _end_out_of_memory()
    os._exit(code if code >= 0 else 128 - code)


def _watch() -> None:
    """End when nobody waits any more, or when the kernel has killed a process for its memory."""
    while True:
        if select.select([0], [], [], _GLANCE_S)[0] and not os.read(0, 4096):
            os._exit(_ABANDONED)
        if _out_of_memory():
            _end_out_of_memory()


def _out_of_memory() -> bool:
    """Whether the kernel has killed a process of this container for its memory (cgroup v2, v1)."""
    for name in _OOM_COUNTERS:
        if (path := Path(name)).exists():
            counts = dict(line.split() for line in path.read_text().splitlines())
            return int(counts.get("oom_kill", 0)) > 0
    return False


def _end_out_of_memory() -> NoReturn:
    os.write(1, OUT_OF_MEMORY)
    os._exit(_KILLED)


if __name__ == "__main__":
    main(sys.argv[1:])
