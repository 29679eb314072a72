"""Who a worker is to the kernel: started as root, a user of its own that owns nothing but `out/`.

The user's number is 1,900,000,000 plus the id of the thread that runs the worker: unique among what runs at the same
time, and in a range that neither people, services, containers nor sub-users are given (systemd's UIDS-GIDS.md).
"""

from __future__ import annotations

import functools
import os
import subprocess
import threading
from collections.abc import Iterable
from pathlib import Path

from rewardsmith.errors import InfrastructureError

BASE = 1_900_000_000
"""First user number of workers."""
_MOST_PIDS = 2**22
_CHOWN, _SETGID, _SETUID, _SYS_ADMIN = 0, 6, 7, 21


def own_user() -> int | None:
    """The user for the worker that this thread runs; absent where this process may not give it one."""
    return BASE + threading.get_native_id() if can_give_users() else None


@functools.cache
def can_give_users() -> bool:
    """Whether this process is root, with the means to be somebody else and to mount for him."""
    if os.geteuid() != 0:
        return False
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    held = int(fields["CapEff"], 16)
    maps = [[int(word) for word in line.split()] for line in Path("/proc/self/uid_map").read_text().splitlines()]
    there = any(inside <= BASE and inside + count > BASE + _MOST_PIDS for inside, _, count in maps)
    return there and all(held >> capability & 1 for capability in (_CHOWN, _SETGID, _SETUID, _SYS_ADMIN))


def readable_by_all(path: Path) -> bool:
    """Whether a user without rights of his own may read the file, or list and enter the folder, were he there."""
    needed = 0o005 if path.is_dir() else 0o004
    return path.stat().st_mode & needed == needed


def reachable_by_all(paths: Iterable[Path]) -> Path | None:
    """The first file or folder on the way to one of `paths` that keeps other users out; absent if none does."""
    for path in paths:
        for place in dict.fromkeys((path.absolute(), path.resolve())):
            if not readable_by_all(place):
                return place
            for parent in place.parents:
                if not parent.stat().st_mode & 0o001:
                    return parent
    return None


def hand_over(folder: Path, user: int) -> None:
    """Give the folder itself to a worker."""
    os.chown(folder, user, user)
    folder.chmod(0o755)


def hand_back(folder: Path) -> None:
    """Give the folder and all in it to the owner of the folder around it. The worker must be dead.

    Raises:
        InfrastructureError: It cannot be done.
    """
    owner = folder.parent.stat()
    # chown(1) neither follows links nor fails on a tree that is deeper than a path is long
    command = ["chown", "-hR", f"{owner.st_uid}:{owner.st_gid}", str(folder)]
    ended = subprocess.run(command, env={"PATH": os.defpath}, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise InfrastructureError(f"cannot take {folder} back from its worker: {ended.stderr.strip()[:300]}")
