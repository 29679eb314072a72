import errno
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from bpf import run_filter

from rewardsmith.isolation import lockdown, machine, namespaces

LOADED = r"""
import sys
sys.path.insert(0, sys.argv[1])
import lockdown, os
abi = lockdown.lock(512)
os.write(1, repr((abi, "rewardsmith" in sys.modules)).encode())
"""


def needs_lock() -> str:
    missing = [finding.detail for finding in machine.inspect().findings if finding.required and not finding.present]
    return "; ".join(missing)


@pytest.mark.skipif(bool(needs_lock()), reason=needs_lock())
def test_lockdown_stands_alone() -> None:
    folder = str(Path(lockdown.__file__).parent)
    done = subprocess.run([sys.executable, "-I", "-c", LOADED, folder], capture_output=True, text=True)
    assert done.stdout == repr((lockdown.landlock_abi(), False)), done.stderr


def test_what_the_machine_can_enforce_is_told() -> None:
    found = machine.inspect()
    names = ["Landlock", "seccomp", "user namespaces", "bubblewrap", "control groups", "user"]
    assert [finding.name for finding in found.findings] == names
    assert [finding.name for finding in found.findings if finding.required] == ["Landlock", "seccomp"]
    assert all(finding.detail for finding in found.findings)
    assert all(finding.remedy for finding in found.findings if finding.weak or not finding.present)
    assert found.locks == (not needs_lock())
    assert platform.machine() in found.system


@pytest.mark.skipif(namespaces.unavailable() is not None, reason=str(namespaces.unavailable()))
def test_inside_there_is_only_what_python_needs() -> None:
    look = "import os; print(sorted(os.listdir('/')), os.getuid(), os.path.exists('/usr/bin'), os.getpid() < 10)"
    needed = {Path(path).resolve().parts[1] for path in (sys.prefix, sys.base_prefix, __file__)}
    command = [*namespaces.prefix(()), *namespaces.interpreter(), "-c", look]
    done = subprocess.run(command, env=namespaces.environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for absent in {"proc", "dev", "etc", "sys", "tmp"} - needed:
        assert f"'{absent}'" not in done.stdout
    assert "10001" in done.stdout
    assert done.stdout.rstrip().endswith("True")


REFUSED = 0x00050000 | errno.EPERM


@pytest.mark.parametrize("name", ["x86_64", "aarch64"])
def test_every_call_number_gets_what_the_list_says(name: str) -> None:
    program = lockdown.filter_program(name, pid=77)
    arch, calls = lockdown.AUDIT_ARCH[name], lockdown.CALLS[name]
    passing = {"read": [0], "write": [1], "mmap": [0, 1, 3], "mprotect": [0, 1, 3], "tgkill": [77, 77, 6]}
    by_number = {number: call for call, number in calls.items()}
    assert len(by_number) == len(calls) == 31
    assert max(max(step[1], step[2]) for step in program) < 256
    for number in range(475):
        call = by_number.get(number)
        arguments = [*passing.get(call or "", []), 0, 0, 0, 0, 0, 0][:6]
        expected = REFUSED if call is None else lockdown.ABSENT if call == "clone3" else lockdown.ALLOW
        assert run_filter(program, arch, number, arguments) == expected, (number, call)
    for descriptor in (1, 2, lockdown.ANSWERS):
        assert run_filter(program, arch, calls["write"], [descriptor, 0, 0, 0, 0, 0]) == lockdown.ALLOW
    assert run_filter(program, arch ^ 1, calls["getpid"], [0] * 6) == lockdown.KILL


@pytest.mark.parametrize("name", ["x86_64", "aarch64"])
@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("read", [3]), ("write", [0]), ("write", [4]), ("mmap", [0, 1, 7]), ("mmap", [0, 1, 4]),
        ("mprotect", [0, 1, 5]),
        ("tgkill", [78, 78, 6]), ("tgkill", [77, 77, 9]), ("tgkill", [77, 77, 15]), ("exit", [128]), ("exit", [137]),
        ("exit_group", [137]), ("exit_group", [0xFFFFFFFF]),
    ],
)  # fmt: skip
def test_arguments_are_tested(name: str, call: str, arguments: list[int]) -> None:
    program = lockdown.filter_program(name, pid=77)
    padded = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    assert run_filter(program, lockdown.AUDIT_ARCH[name], lockdown.CALLS[name][call], padded) == REFUSED


def test_x32_numbers_kill() -> None:
    program = lockdown.filter_program("x86_64", pid=77)
    number = 0x40000000 | lockdown.CALLS["x86_64"]["getpid"]
    assert run_filter(program, lockdown.AUDIT_ARCH["x86_64"], number, [0] * 6) == lockdown.KILL
