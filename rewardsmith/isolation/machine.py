"""What this machine can enforce, found out by trying; shown by `rewardsmith doctor`."""

from __future__ import annotations

import errno
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from rewardsmith.isolation import cgroups, lockdown, namespaces

_NEW_USER = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def new(kind):
    if libc.unshare(kind) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
try:
    user = os.geteuid()
    new(0x10000000)
    open("/proc/self/uid_map", "w").write(f"0 {user} 1")
    new(0x00020000)
except OSError as error:
    print(error.strerror)
"""
"""Makes a user namespace, becomes root in it, and makes a mount namespace as such, which AppArmor may refuse."""

_SYSCTLS = {
    "user/max_user_namespaces": ("0", "sysctl -w user.max_user_namespaces=15000"),
    "kernel/unprivileged_userns_clone": ("0", "sysctl -w kernel.unprivileged_userns_clone=1"),
    "kernel/apparmor_restrict_unprivileged_userns": (
        "1",
        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for bwrap",
    ),
}
"""Setting below /proc/sys -> value that keeps user namespaces away, and what brings them back."""


@dataclass(frozen=True)
class Finding:
    """One layer of isolation."""

    name: str
    """The layer."""
    present: bool
    """Whether this machine has it."""
    required: bool
    """Whether a reward process starts without it (unless the user says `--unsafe-no-sandbox`)."""
    detail: str
    """Version where it is present; what is missing where it is not."""
    remedy: str = ""
    """What to do where it is missing or weak."""
    weak: bool = False
    """Whether it is there, but less than it could be."""


@dataclass(frozen=True)
class Machine:
    """What this machine can enforce."""

    system: str
    """Kernel and architecture."""
    findings: tuple[Finding, ...]
    """Each layer, strongest first."""

    @property
    def locks(self) -> bool:
        """Whether a reward process can be locked as promised."""
        return all(finding.present for finding in self.findings if finding.required)


def inspect() -> Machine:
    """Ask the kernel, and try in processes of their own; changes nothing in this one."""
    return Machine(
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        findings=(_landlock(), _seccomp(), _user_namespaces(), _bubblewrap(), _cgroups(), _user()),
    )


def _landlock() -> Finding:
    try:
        return Finding("Landlock", True, True, f"ABI {lockdown.landlock_abi()}")
    except lockdown.LockdownError as error:
        if os.strerror(errno.EOPNOTSUPP) in str(error):
            remedy = "boot with landlock among the modules of the kernel's parameter lsm= (/sys/kernel/security/lsm)"
        elif os.strerror(errno.EPERM) in str(error):
            remedy = "the container's seccomp profile refuses it: a newer container engine allows it"
        else:
            remedy = "Linux 5.13 or newer, built with Landlock"
        return Finding("Landlock", False, True, str(error), remedy)


def _seccomp() -> Finding:
    try:
        lockdown.seccomp_available()
    except lockdown.LockdownError as error:
        remedy = "Linux built with CONFIG_SECCOMP_FILTER, in no container that refuses the call seccomp"
        return Finding("seccomp", False, True, str(error), remedy)
    machine = platform.machine()
    detail = f"allow-list of {len(lockdown.CALLS[machine])} calls"
    if machine == "aarch64":
        untried = "its table follows the kernel's headers, but its authors have not run it on aarch64"
        return Finding("seccomp", True, True, f"{detail}; {untried}", "believe the attacks below", weak=True)
    return Finding("seccomp", True, True, detail)


def _user_namespaces() -> Finding:
    name = "user namespaces"
    if sys.platform != "linux":
        return Finding(name, False, False, "they exist on Linux only")
    command = [sys.executable, "-I", "-S", "-c", _NEW_USER]
    try:
        tried = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(name, False, False, f"could not be tried: {error}")
    said = tried.stdout.strip() or tried.stderr.strip()[-200:]
    if not said:
        return Finding(name, True, False, "made one, and a mount namespace in it")
    return Finding(name, False, False, f"the kernel refuses them: {said}", _for_user_namespaces())


def _for_user_namespaces() -> str:
    for setting, (closed, remedy) in _SYSCTLS.items():
        path = Path("/proc/sys", setting)
        if path.is_file() and path.read_text().strip() == closed:
            return remedy
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        return "none in a container under its default profile: the container is the outer layer, use --sandbox process"
    return "a kernel or supervisor that allows unshare and clone with CLONE_NEWUSER, or --sandbox process"


def _bubblewrap() -> Finding:
    found = shutil.which("bwrap")
    reason = namespaces.unavailable()
    if found is None:
        detail = "not installed" if sys.platform == "linux" else "it exists on Linux only"
        return Finding("bubblewrap", False, False, detail, "apt-get install bubblewrap")
    asked = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=30, check=False)
    version = asked.stdout.strip().removeprefix("bubblewrap ") or "version unknown"
    if reason is None:
        return Finding("bubblewrap", True, False, f"{version}, tried: {found}")
    said = reason.removeprefix(namespaces.NO_NAMESPACES).strip(" ()")
    remedy = "0.8 or newer is needed" if "nknown option" in said else "see user namespaces, or --sandbox process"
    return Finding("bubblewrap", False, False, f"{version} cannot set up a process: {said}", remedy)


def _cgroups() -> Finding:
    limited = not isinstance(cgroups.places(), str)
    remedy = "" if limited else "start it as `systemd-run --user --scope -p Delegate=yes rewardsmith ...`"
    return Finding("control groups", limited, False, cgroups.describe(), remedy)


def _user() -> Finding:
    user = os.geteuid() if hasattr(os, "geteuid") else -1
    if user != 0:
        return Finding("user", True, False, f"uid {user}")
    detail = "root: the kernel's limit on a user's processes does not bind it"
    return Finding("user", True, False, detail, "start it as an ordinary user, or have control groups", weak=True)
