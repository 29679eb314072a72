"""What this machine can enforce, found out by asking the kernel; shown by `rewardsmith doctor`."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from rewardsmith.isolation import lockdown, namespaces


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
    """Version where it is present; what is missing, and the fix, where it is not."""


@dataclass(frozen=True)
class Machine:
    """What this machine can enforce."""

    system: str
    """Kernel and architecture."""
    findings: tuple[Finding, ...]
    """Each layer, strongest first."""
    warnings: tuple[str, ...]
    """What weakens a layer without removing it."""

    @property
    def locks(self) -> bool:
        """Whether a reward process can be locked as promised."""
        return all(finding.present for finding in self.findings if finding.required)


def inspect() -> Machine:
    """Ask the kernel; changes nothing in this process."""
    findings = [_landlock(), _seccomp(), _namespaces()]
    warnings = []
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        warnings.append("running as uid 0: the limit on processes does not bind root; seccomp denies fork all the same")
    if platform.machine() == "aarch64":
        warnings.append("the aarch64 call table follows the kernel's headers but has not been run by its authors")
    if not Path("/sys/fs/cgroup/cgroup.controllers").exists():
        warnings.append("no cgroup v2: memory of a worker is limited by address space only")
    return Machine(
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        findings=tuple(findings),
        warnings=tuple(warnings),
    )


def _landlock() -> Finding:
    try:
        return Finding("landlock", True, True, f"ABI {lockdown.landlock_abi()}")
    except lockdown.LockdownError as error:
        return Finding(
            "landlock", False, True, f"{error}; it needs Linux 5.13 or later with Landlock among its modules"
        )


def _seccomp() -> Finding:
    try:
        lockdown.seccomp_available()
    except lockdown.LockdownError as error:
        return Finding("seccomp", False, True, str(error))
    return Finding("seccomp", True, True, f"allow-list of {len(lockdown.CALLS[platform.machine()])} calls")


def _namespaces() -> Finding:
    reason = namespaces.unavailable()
    if reason is None:
        return Finding("bubblewrap", True, False, shutil.which("bwrap") or "bwrap")
    return Finding("bubblewrap", False, False, reason)
