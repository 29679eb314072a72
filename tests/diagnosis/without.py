"""Run a command on a machine from which something was taken away: `python without.py THINGS COMMAND...`.

THINGS, with commas between them:

- `landlock`, `landlock-off`: the kernel has no Landlock (ENOSYS), or was booted without it (EOPNOTSUPP)
- `seccomp`: no filter can be loaded
- `namespaces`: no user namespace can be made

It is done by a seccomp filter, which the command and all that it starts inherit.
"""

from __future__ import annotations

import errno
import os
import sys

from rewardsmith.isolation.lockdown import (
    ABSENT,
    ALLOW,
    ANY_BIT,
    EQUAL,
    GIVE,
    LANDLOCK_CREATE_RULESET,
    LOAD,
    NUMBER,
    SYS_SECCOMP,
    Step,
    argument,
    install,
    machine,
    opening,
)

CLONE_NEWUSER = 0x10000000
PR_SET_SECCOMP = 22
CALLS = {
    "x86_64": {"clone": 56, "prctl": 157, "unshare": 272, "clone3": 435},
    "aarch64": {"clone": 220, "prctl": 167, "unshare": 97, "clone3": 435},
}


def refuse(number: int, verdict: int, *, index: int | None = None, code: int = EQUAL, operand: int = 0) -> list[Step]:
    """Steps that answer a call with `verdict`, where it has an argument `index`: if that passes a test."""
    if index is None:
        return [(EQUAL, 0, 1, number), (GIVE, 0, 0, verdict)]
    return [
        (EQUAL, 0, 4, number), (LOAD, 0, 0, argument(index)), (code, 0, 1, operand), (GIVE, 0, 0, verdict),
        (LOAD, 0, 0, NUMBER),
    ]  # fmt: skip


def answer(error: int) -> int:
    return 0x00050000 | error


def steps(thing: str, arch: str) -> list[Step]:
    calls = CALLS[arch]
    if thing == "landlock":
        return refuse(LANDLOCK_CREATE_RULESET, ABSENT)
    if thing == "landlock-off":
        return refuse(LANDLOCK_CREATE_RULESET, answer(errno.EOPNOTSUPP))
    if thing == "seccomp":
        by_prctl = refuse(calls["prctl"], answer(errno.EINVAL), index=0, operand=PR_SET_SECCOMP)
        return [*refuse(SYS_SECCOMP[arch], ABSENT), *by_prctl]
    if thing == "namespaces":
        refused = answer(errno.EPERM)
        return [
            *refuse(calls["unshare"], refused, index=0, code=ANY_BIT, operand=CLONE_NEWUSER),
            *refuse(calls["clone"], refused, index=0, code=ANY_BIT, operand=CLONE_NEWUSER),
            *refuse(calls["clone3"], ABSENT),
        ]
    raise SystemExit(f"what is {thing!r}?")


if __name__ == "__main__":
    arch = machine()
    taken = [step for thing in sys.argv[1].split(",") for step in steps(thing, arch)]
    install([*opening(arch), *taken, (GIVE, 0, 0, ALLOW)])
    os.execv(sys.argv[2], sys.argv[2:])
