"""Takes from the calling process everything but arithmetic: rlimits, Landlock, seccomp. Standard library only.

The reward process loads this file by its path before it compiles the candidate, so it imports nothing of rewardsmith.
Numbers and traps: Linux `landlock(7)`, `seccomp(2)`, `asm/unistd.h`. The aarch64 table has not been run.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
LANDLOCK_CREATE_RULESET, LANDLOCK_RESTRICT_SELF = 444, 446
SECCOMP_SET_MODE_FILTER, SECCOMP_GET_ACTION_AVAIL, SECCOMP_FLAG_TSYNC = 1, 2, 1
SYS_SECCOMP = {"x86_64": 317, "aarch64": 277}

KILL, ALLOW, REFUSE, ABSENT = 0x80000000, 0x7FFF0000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
LOAD, EQUAL, AT_LEAST, ANY_BIT, GIVE = 0x20, 0x15, 0x35, 0x45, 0x06
"""Codes of BPF steps: load a word of the call, compare with it, give the verdict."""
NUMBER, ARCH = 0, 4
"""Where a call's number and its architecture stand; its arguments: `argument`."""
Step: TypeAlias = tuple[int, int, int, int]
"""One step of a filter: code, steps to skip if true, if false, operand."""

PROT_EXEC = 4
SIGABRT, SIGKILL = 6, 9
ANSWERS = 3
"""Descriptor of the answers: what C libraries print on 1 must not end up among them."""

CALLS = {
    "x86_64": {
        "read": 0, "write": 1, "close": 3, "mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12, "rt_sigprocmask": 14,
        "rt_sigreturn": 15, "sched_yield": 24, "mremap": 25, "madvise": 28, "nanosleep": 35, "getpid": 39, "exit": 60,
        "gettimeofday": 96, "getrusage": 98, "sigaltstack": 131, "gettid": 186, "futex": 202, "sched_getaffinity": 204,
        "clock_gettime": 228, "clock_getres": 229, "clock_nanosleep": 230, "exit_group": 231, "tgkill": 234,
        "set_robust_list": 273, "getcpu": 309, "getrandom": 318, "rseq": 334, "clone3": 435,
    },
    "aarch64": {
        "read": 63, "write": 64, "close": 57, "mmap": 222, "mprotect": 226, "munmap": 215, "brk": 214,
        "rt_sigprocmask": 135, "rt_sigreturn": 139, "sched_yield": 124, "mremap": 216, "madvise": 233,
        "nanosleep": 101, "getpid": 172, "exit": 93, "gettimeofday": 169, "getrusage": 165, "sigaltstack": 132,
        "gettid": 178, "futex": 98, "sched_getaffinity": 123, "clock_gettime": 113, "clock_getres": 114,
        "clock_nanosleep": 115, "exit_group": 94, "tgkill": 131, "set_robust_list": 99, "getcpu": 168,
        "getrandom": 278, "rseq": 293, "clone3": 435,
    },
}  # fmt: skip
"""Every call that the filter knows, by machine; what it does not know it refuses with EPERM."""


class LockdownError(Exception):
    """This machine cannot enforce one of the layers; the message says which and why."""


def lock(memory_mib: int) -> int:
    """Lock the calling process, for good: rlimits, then Landlock, then seccomp.

    Call it in a process of one thread: Landlock binds the calling thread alone (below ABI 8).

    Args:
        memory_mib: Address space, in MiB.

    Returns:
        The Landlock ABI that was enforced.

    Raises:
        LockdownError: A layer is missing here. Layers before it stay in force.
    """
    set_limits(memory_mib)
    abi = deny_files()
    allow_calls()
    return abi


def set_limits(memory_mib: int) -> None:
    """Limit address space, files and cores; die with the thread that started the process; allow no tracing."""
    limits = {
        resource.RLIMIT_AS: memory_mib * 1024 * 1024,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: 16,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
    }
    if sys.platform == "linux":
        limits[resource.RLIMIT_MSGQUEUE] = 0
    for kind, value in limits.items():
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))
    if sys.platform == "linux":
        _prctl(PR_SET_DUMPABLE, 0)
        _prctl(PR_SET_PDEATHSIG, SIGKILL)


def landlock_abi() -> int:
    """The kernel's Landlock ABI, from 1; raises LockdownError where there is none."""
    if sys.platform != "linux":
        raise LockdownError("Landlock exists on Linux only")
    abi = _syscall(LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(1))
    if abi < 1:
        raise LockdownError(f"the kernel has no Landlock ({os.strerror(ctypes.get_errno())})")
    return abi


def deny_files() -> int:
    """Restrict the calling thread by a Landlock ruleset that handles every right and grants none. Returns the ABI."""
    abi = landlock_abi()
    files = (1 << 13) - 1  # ABI 1
    files |= (1 << 13) * (abi >= 2) | (1 << 14) * (abi >= 3) | (1 << 15) * (abi >= 5)  # refer, truncate, device ioctl
    network = 0b11 * (abi >= 4)  # bind and connect TCP
    scoped = 0b11 * (abi >= 6)  # abstract unix sockets, signals
    attributes = struct.pack("=QQQ", files, network, scoped)[: 8 if abi < 4 else 16 if abi < 6 else 24]
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    ruleset = _syscall(LANDLOCK_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint(0))
    if ruleset < 0:
        raise LockdownError(f"Landlock ruleset refused ({os.strerror(ctypes.get_errno())})")
    try:
        if _syscall(LANDLOCK_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint(0)) != 0:
            raise LockdownError(f"Landlock refused to restrict ({os.strerror(ctypes.get_errno())})")
    finally:
        os.close(ruleset)
    return abi


def seccomp_available() -> None:
    """Raise LockdownError unless the kernel takes filters that kill and filters that refuse."""
    seccomp = SYS_SECCOMP[machine()]
    for action in (KILL, REFUSE & 0xFFFF0000):
        word = ctypes.c_uint(action)
        number = ctypes.c_long(seccomp)
        if _syscall(number, ctypes.c_uint(SECCOMP_GET_ACTION_AVAIL), ctypes.c_uint(0), ctypes.byref(word)) != 0:
            raise LockdownError(f"the kernel has no seccomp filters ({os.strerror(ctypes.get_errno())})")


def allow_calls() -> None:
    """Install the allow-list of the reward process on every thread."""
    install(filter_program(machine(), os.getpid()))


def install(program: Sequence[Step]) -> None:
    """Filter the calls of this process, every thread of it and all that it starts, for good."""
    code = encoded(program)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(buffer)))
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    number = ctypes.c_long(SYS_SECCOMP[machine()])
    if _syscall(number, ctypes.c_uint(SECCOMP_SET_MODE_FILTER), ctypes.c_uint(SECCOMP_FLAG_TSYNC), header) != 0:
        raise LockdownError(f"the seccomp filter was refused ({os.strerror(ctypes.get_errno())})")


def encoded(program: Sequence[Step]) -> bytes:
    """A filter as the kernel reads it: eight bytes per step."""
    return b"".join(struct.pack("=HBBI", *step) for step in program)


def opening(machine: str) -> list[Step]:
    """First steps of a filter: kill calls of another architecture (and x32 numbers), load the call's number."""
    steps = [(LOAD, 0, 0, ARCH), (EQUAL, 1, 0, AUDIT_ARCH[machine]), (GIVE, 0, 0, KILL), (LOAD, 0, 0, NUMBER)]
    if machine == "x86_64":
        steps += [(AT_LEAST, 0, 1, 0x40000000), (GIVE, 0, 0, KILL)]  # x32 numbers
    return steps


def argument(index: int) -> int:
    """Where the low 32 bits of a call's argument stand."""
    return 16 + 8 * index


def filter_program(machine: str, pid: int) -> list[Step]:
    """The steps of the allow-list on `machine` for process `pid`.

    A process can send itself SIGABRT only and exit with a status below 128 only: whatever shows as ended by SIGKILL
    (or by 137, through bubblewrap) was killed from outside.
    """
    tested: dict[str, list[Step]] = {
        "read": [(LOAD, 0, 0, argument(0)), (EQUAL, 1, 0, 0), (GIVE, 0, 0, REFUSE)],
        "write": [
            (LOAD, 0, 0, argument(0)), (EQUAL, 3, 0, 1), (EQUAL, 2, 0, 2), (EQUAL, 1, 0, ANSWERS), (GIVE, 0, 0, REFUSE),
        ],
        "mmap": [(LOAD, 0, 0, argument(2)), (ANY_BIT, 0, 1, PROT_EXEC), (GIVE, 0, 0, REFUSE)],
        "mprotect": [(LOAD, 0, 0, argument(2)), (ANY_BIT, 0, 1, PROT_EXEC), (GIVE, 0, 0, REFUSE)],
        "tgkill": [
            (LOAD, 0, 0, argument(0)), (EQUAL, 1, 0, pid), (GIVE, 0, 0, REFUSE),
            (LOAD, 0, 0, argument(2)), (EQUAL, 1, 0, SIGABRT), (GIVE, 0, 0, REFUSE),
        ],
        "exit": [(LOAD, 0, 0, argument(0)), (AT_LEAST, 0, 1, 128), (GIVE, 0, 0, REFUSE)],
        "exit_group": [(LOAD, 0, 0, argument(0)), (AT_LEAST, 0, 1, 128), (GIVE, 0, 0, REFUSE)],
        "clone3": [(GIVE, 0, 0, ABSENT)],
    }  # fmt: skip
    steps = opening(machine)
    for name, value in CALLS[machine].items():
        body = [*tested.get(name, []), (GIVE, 0, 0, ALLOW)]
        steps += [(EQUAL, 0, len(body), value), *body]
    return [*steps, (GIVE, 0, 0, REFUSE)]


def machine() -> str:
    """This machine's architecture; raises LockdownError where no table of calls is kept for it."""
    name = os.uname().machine if hasattr(os, "uname") else ""
    if sys.platform != "linux" or name not in CALLS:
        raise LockdownError(f"no table of system calls for {sys.platform} on {name or 'an unknown machine'}")
    return name


def _prctl(option: int, value: int) -> None:
    zero = ctypes.c_ulong(0)
    if ctypes.CDLL(None, use_errno=True).prctl(option, ctypes.c_ulong(value), zero, zero, zero) != 0:
        raise LockdownError(f"prctl {option} refused ({os.strerror(ctypes.get_errno())})")


def _syscall(number: int | ctypes.c_long, *arguments: object) -> int:
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    if isinstance(number, int):
        number = ctypes.c_long(number)
    return int(call(number, *arguments))
