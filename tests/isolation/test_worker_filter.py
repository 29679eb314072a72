from __future__ import annotations

import errno
import platform
import socket
import subprocess
import sys

import pytest
from bpf import numbers, run_filter

from rewardsmith.isolation import lockdown
from rewardsmith.isolation.worker_filter import LOCAL, NAMESPACES, NO_NETWORK, REFUSED, filter_program

EPERM, ENOSYS, NO_FAMILY = (0x00050000 | code for code in (errno.EPERM, errno.ENOSYS, errno.EAFNOSUPPORT))
ABSENT = {"clone3", "io_uring_setup", "io_uring_enter", "io_uring_register"}
BY_ARGUMENT = {"clone": [0x10000000], "personality": [0], "ioctl": [1, 0x5412], "socket": [40]}
MACHINES = ("x86_64", "aarch64")


def given(machine: str, number: int, *arguments: int, families: tuple[int, ...] = LOCAL, namespaces: bool = False):
    program = filter_program(machine, families=families, namespaces=namespaces)
    return run_filter(program, lockdown.AUDIT_ARCH[machine], number, [*arguments, 0, 0, 0, 0, 0, 0][:6])


@pytest.mark.parametrize("namespaces", [True, False])
@pytest.mark.parametrize("machine", MACHINES)
def test_every_call_number_gets_what_the_list_says(machine, namespaces):
    listed = REFUSED[machine] if namespaces else REFUSED[machine] | NAMESPACES[machine]
    by_number = {number: name for name, number in listed.items()}
    assert len(by_number) == len(listed)
    program = filter_program(machine, families=LOCAL, namespaces=namespaces)
    assert max(max(step[1], step[2]) for step in program) < 256
    for number in range(475):
        name = by_number.get(number)
        expected = lockdown.ALLOW
        if name is not None:
            expected = ENOSYS if name in ABSENT else NO_FAMILY if name == "socket" else EPERM
        assert given(machine, number, *BY_ARGUMENT.get(name, []), namespaces=namespaces) == expected, (number, name)
    assert given(machine, 40 | 0x40000000) == (lockdown.KILL if machine == "x86_64" else lockdown.ALLOW)


@pytest.mark.parametrize("machine", MACHINES)
def test_what_a_training_needs_passes(machine):
    calls = REFUSED[machine] | NAMESPACES[machine]
    threads_and_forks = (0x003D0F00, 0x01200011)
    for flags in threads_and_forks:
        assert given(machine, calls["clone"], flags) == lockdown.ALLOW
    for request in (0x5401, 0x5413, 0x5421):  # TCGETS, TIOCGWINSZ, FIONBIO
        assert given(machine, calls["ioctl"], 3, request) == lockdown.ALLOW
    assert given(machine, calls["personality"], 0xFFFFFFFF) == lockdown.ALLOW
    for number in lockdown.CALLS[machine].values():
        if number != calls["clone3"]:
            assert given(machine, number) == lockdown.ALLOW, "what the reward process needs"
    assert given(machine, lockdown.SYS_SECCOMP[machine]) == lockdown.ALLOW, "its own filter"
    for number in (lockdown.LANDLOCK_CREATE_RULESET, lockdown.LANDLOCK_RESTRICT_SELF):
        assert given(machine, number) == lockdown.ALLOW


@pytest.mark.parametrize("machine", MACHINES)
def test_sockets_by_family(machine):
    number = REFUSED[machine]["socket"]
    for family in range(64):
        local = family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6)
        assert given(machine, number, family) == (lockdown.ALLOW if local else NO_FAMILY)
        loopback = family in (socket.AF_UNIX, socket.AF_NETLINK)
        assert given(machine, number, family, families=NO_NETWORK) == (lockdown.ALLOW if loopback else NO_FAMILY)


@pytest.mark.parametrize("flag", [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000])
@pytest.mark.parametrize("machine", MACHINES)
def test_no_flag_of_a_namespace_passes(machine, flag):
    assert given(machine, NAMESPACES[machine]["clone"], 0x01200011 | flag) == EPERM


@pytest.mark.parametrize("machine", MACHINES)
def test_numbers_are_those_of_the_library(machine):
    theirs = numbers(machine)
    ours = REFUSED[machine] | NAMESPACES[machine]
    newer = {"open_tree_attr": 467}
    assert {name: number for name, number in ours.items() if theirs.get(name) != number} in ({}, newer)


@pytest.mark.skipif(platform.machine() not in MACHINES or sys.platform != "linux", reason="no table of calls")
def test_it_can_be_loaded_and_lets_a_child_run():
    source = """
import os, socket, sys
from rewardsmith.isolation import lockdown, worker_filter
lockdown.install(worker_filter.filter_program(lockdown.machine(), families=worker_filter.LOCAL, namespaces=False))
assert os.system(sys.executable + ' -c pass') == 0
try:
    socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
except OSError as error:
    print(error.errno)
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert done.stdout == f"{errno.EAFNOSUPPORT}\n", done.stderr
