"""Only the allow-list answers: by trying every number from inside, and by the filter's own steps for both machines.

Many attacks fail at an `import` already; this is what they would meet if they did not.
"""

from __future__ import annotations

import errno
import json
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping

import pytest
from attack import HERE

from rewardsmith.domain.job import RewardLimits
from rewardsmith.isolation import lockdown
from rewardsmith.reward import channel, frames

sys.path.insert(0, str(HERE.parent / "isolation"))
from bpf import numbers, run_filter

MACHINES = ("x86_64", "aarch64")
SWEPT = 512
ALLOWED = {
    "read", "write", "close", "mmap", "mprotect", "munmap", "mremap", "madvise", "brk", "futex", "sched_yield",
    "set_robust_list", "rseq", "sched_getaffinity", "getcpu", "rt_sigreturn", "rt_sigprocmask", "sigaltstack",
    "clock_gettime", "clock_getres", "gettimeofday", "nanosleep", "clock_nanosleep", "getrandom", "getpid", "gettid",
    "getrusage", "exit", "exit_group", "tgkill",
}  # fmt: skip
"""What numpy needs, written down a second time: the filter must let through these and nothing else."""
EPERM, ENOSYS = errno.EPERM, errno.ENOSYS
WITHIN = {"mmap": [0, 4096, 3], "mprotect": [0, 4096, 1], "write": [3], "tgkill": [77, 77, 6]}
"""Arguments with which calls pass that are looked at more closely; otherwise zeros."""
OUTSIDE = {
    "read": [[1], [2], [3], [4], [2**31], [0xFFFFFFFF]],
    "write": [[0], [4], [63], [0xFFFFFFFF]],
    "mmap": [[0, 4096, 4], [0, 4096, 5], [0, 4096, 7], [0, 4096, 0x0100_0004]],
    "mprotect": [[0, 4096, 4], [0, 4096, 7]],
    "tgkill": [[78, 78, 6], [1, 1, 6], [0xFFFFFFFF, 1, 6], [77, 77, 9], [77, 77, 15], [77, 77, 19], [77, 77, 0]],
    "exit": [[128], [137], [143], [0xFFFFFFFF]],
    "exit_group": [[128], [137], [143], [0xFFFFFFFF]],
}
"""Arguments with which they are refused."""


def verdict(machine: str, number: int, *arguments: int) -> int:
    program = lockdown.filter_program(machine, pid=77)
    return run_filter(program, lockdown.AUDIT_ARCH[machine], number, [*arguments, 0, 0, 0, 0, 0, 0][:6])


@pytest.mark.parametrize("machine", MACHINES)
def test_the_filter_passes_what_is_listed_here_and_nothing_else(machine: str) -> None:
    known = numbers(machine)
    assert lockdown.CALLS[machine] == {name: known[name] for name in (*ALLOWED, "clone3")}
    verdicts = {name: verdict(machine, number, *WITHIN.get(name, [])) for name, number in known.items()}
    assert {name for name, given in verdicts.items() if given == lockdown.ALLOW} == ALLOWED
    assert verdicts.pop("clone3") == lockdown.ABSENT
    assert {given for name, given in verdicts.items() if name not in ALLOWED} == {lockdown.REFUSE}
    unknown = set(range(4096)) - set(known.values())
    assert {verdict(machine, number) for number in unknown} == {lockdown.REFUSE}


@pytest.mark.parametrize("machine", MACHINES)
def test_arguments_are_looked_at(machine: str) -> None:
    known = numbers(machine)
    passed = {
        (name, *arguments): verdict(machine, known[name], *arguments)
        for name, cases in OUTSIDE.items()
        for arguments in cases
    }
    assert {case for case, given in passed.items() if given != lockdown.REFUSE} == set()


@pytest.mark.parametrize("machine", MACHINES)
def test_calls_of_another_machine_kill(machine: str) -> None:
    program = lockdown.filter_program(machine, pid=77)
    theirs = {0x40000003, 0x40000028, *lockdown.AUDIT_ARCH.values()} - {lockdown.AUDIT_ARCH[machine]}  # i386, arm
    for arch in theirs:
        assert {run_filter(program, arch, number, [0] * 6) for number in range(SWEPT)} == {lockdown.KILL}
    x32 = {verdict(machine, 0x40000000 + number) for number in range(SWEPT)}
    assert x32 == {lockdown.KILL if machine == "x86_64" else lockdown.REFUSE}


@pytest.mark.parametrize("machine", MACHINES)
def test_the_recorded_numbers_are_those_of_the_library(machine: str) -> None:
    """Where libseccomp's own tool is installed it is asked again."""
    tool = shutil.which("scmp_sys_resolver")
    known = numbers(machine)
    assert len(known) > 300
    for name in (*ALLOWED, "clone3") if tool else ():
        told = subprocess.run([tool, "-a", machine, name], capture_output=True, text=True, check=True).stdout
        assert int(told) == known[name]


HEAD = """
import ctypes
import numpy as np
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
def call(number, *arguments):
    result = LIBC.syscall(ctypes.c_long(number), *[ctypes.c_long(argument) for argument in arguments])
    return ctypes.get_errno() if result == -1 else 0
"""
TAIL = """
def f():
    return np.zeros(1), {f"{name}={found}": np.zeros(1) for name, found in FOUND.items()}
"""


def locked(source: str, limits: RewardLimits | None = None) -> channel.Channel:
    """A locked process of a source that no gate has seen."""
    spec = {"mode": "reward", "source": source, "function": "f", "signals": [], "arguments": [], "memory": {}}
    return channel.Channel(spec, limits or RewardLimits(), namespaces_wanted=False)


def found(source: str) -> dict[str, str]:
    """What a source leaves in its dict `FOUND` of at most 64 entries, run in a locked process."""
    process = locked(HEAD + source + TAIL)
    try:
        ready = process.wait_ready()
        assert ready.status == frames.READY, channel.told(ready.body)
        answered = process.ask(0, 0, 1, 1, [b"\0"], most=1 << 20)
        assert answered.status == frames.COLUMNS, channel.told(answered.body)
        size = int.from_bytes(answered.body[:8], "little")
        names = json.loads(bytes(answered.body[8 : 8 + size]))
    finally:
        process.close()
    return dict(name.split("=") for name in names)


def here() -> Mapping[str, int]:
    if platform.machine() not in MACHINES:
        pytest.skip(f"no table of calls for {platform.machine()}")
    return numbers(platform.machine())


BYPASS = {335, 336}
"""`uretprobe` and `uprobe` of x86_64, which no filter sees (Linux 6.11): called by a process itself they do nothing."""


def test_no_other_number_answers() -> None:
    """Every number but those that pass is tried with three kinds of arguments; every one must be refused."""
    known = here()
    passing = {known[name] for name in (*ALLOWED, "clone3")}
    tried = sorted(set(range(SWEPT)) - passing - BYPASS)
    source = f"""
REFUSED, OTHERS = 0, []
for number in {tried}:
    for arguments in ([0] * 6, [-1] * 6, [1, 1, 1, 1, 1, 1]):
        code = call(number, *arguments)
        if code == {EPERM}:
            REFUSED += 1
        else:
            OTHERS.append((number, code))
FOUND = {{"refused": REFUSED, "others": str(OTHERS[:4]).replace("=", "")}}
"""
    assert found(source) == {"refused": str(3 * len(tried)), "others": "[]"}


def test_harmless_calls_answer_outside_and_not_inside() -> None:
    """The control of the sweep: what it calls refused does answer a process that nothing locks."""
    names = ["getuid", "getppid", "umask", "getcwd", "uname", "sysinfo", "times", "getpgid", "getsid", "sync", "dup"]
    known = here()
    tried = {name: known[name] for name in names}
    source = f"FOUND = {{name: call(number, 0) for name, number in {tried}.items()}}\n"
    outside = subprocess.run(
        [sys.executable, "-c", HEAD + source + "import json; print(json.dumps(FOUND))"], capture_output=True, check=True
    )
    assert EPERM not in json.loads(outside.stdout).values()
    assert found(source) == dict.fromkeys(names, str(EPERM))


def test_what_passes_answers_within_its_arguments_only() -> None:
    known = here()
    ending = {"exit", "exit_group", "rt_sigreturn", "brk", "read"}
    harmless = {
        "write": [2, 0, 0], "close": [-1], "munmap": [1, 0], "mremap": [0, 0, 0, 0], "madvise": [1, 0, 0],
        "futex": [0, 1, 0], "mmap": [0, 0, 3], "mprotect": [1, 0, 1], "sched_yield": [], "set_robust_list": [0, 0],
        "rseq": [0, 0, 0, 0], "sched_getaffinity": [0, 0, 0], "getcpu": [0, 0, 0], "rt_sigprocmask": [9, 0, 0, 0],
        "sigaltstack": [0, 0], "clock_gettime": [99, 0], "clock_getres": [99, 0], "gettimeofday": [0, 0],
        "nanosleep": [0, 0], "clock_nanosleep": [99, 0, 0, 0], "getrandom": [0, 0, 0], "getpid": [], "gettid": [],
        "getrusage": [99, 0], "tgkill": ["call_pid", -1, 6],
    }  # fmt: skip
    assert ALLOWED - ending == set(harmless)
    within = ", ".join(f"'{name}': {arguments}" for name, arguments in harmless.items()).replace("'call_pid'", "PID")
    outside = {
        f"{name} {arguments}": (known[name], arguments)
        for name, cases in OUTSIDE.items()
        for arguments in cases
        if name != "tgkill"
    }
    source = f"""
import os
PID = os.getpid()
NUMBERS = {dict(known)}
FOUND = {{name: call(NUMBERS[name], *arguments) for name, arguments in {{{within}}}.items()}}
"""
    assert EPERM not in map(int, found(source).values())
    source = f"FOUND = {{name: call(number, *arguments) for name, (number, arguments) in {outside}.items()}}\n"
    assert set(found(source).values()) == {str(EPERM)}
    source = f"""
import os
FOUND = {{signal: call({known["tgkill"]}, os.getpid(), os.getpid(), signal) for signal in (0, 9, 15, 17, 19)}}
FOUND["parent"] = call({known["tgkill"]}, 1, 1, 6)
FOUND["clone3"] = call({known["clone3"]}, 0, 0)
"""
    given = found(source)
    assert given.pop("clone3") == str(ENOSYS)
    assert set(given.values()) == {str(EPERM)}


def test_shared_memory_for_requests_can_be_read_only() -> None:
    source = f"""
import sys
import numpy as np
FRAME = sys._getframe()
while "rooms" not in FRAME.f_locals:
    FRAME = FRAME.f_back
PLACES = [np.frombuffer(room, np.uint8).ctypes.data for room in FRAME.f_locals["rooms"]]
FOUND = {{name: call({here()["mprotect"]}, place, 4096, 3) for name, place in zip(("asked", "answered"), PLACES)}}
"""
    assert found(source) == {"asked": str(errno.EACCES), "answered": "0"}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of x86_64")
@pytest.mark.parametrize("number", [0x40000000 + 39, 0x40000000 + 2])
def test_numbers_of_x32_kill(number: int) -> None:
    assert end_of(number) == "SIGSYS"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of x86_64")
@pytest.mark.parametrize("number", sorted(BYPASS))
def test_calls_that_no_filter_sees_are_of_no_use(number: int) -> None:
    assert end_of(number) in ("SIGILL", "nothing")


def end_of(number: int) -> str:
    """How a locked process ends that makes a call: by which signal, or not at all since the call does nothing."""
    nothing = (EPERM, ENOSYS, errno.ENXIO)
    process = locked(f"{HEAD}if call({number}, 0, 0) not in {nothing}: raise ValueError\n{TAIL}")
    try:
        ready = process.wait_ready()
    except channel.Ended as ended:
        return signal.Signals(ended.code - 128).name
    finally:
        process.close()
    return "nothing" if ready.status == frames.READY else "answered"
