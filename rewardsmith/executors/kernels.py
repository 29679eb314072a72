"""Where workers keep what Warp and JAX compile: up to a minute of work on a processor, minutes on a GPU.

Workers write into the folder, and what lies there runs in later workers as machine code: tasks share one only with
tasks whose own module is the same. It has no sticky bit: where each worker is a user of its own, two that compile the
same kernel at once rename theirs to one name, and Warp takes nothing but "not empty" for a lost race.
"""

from __future__ import annotations

import os
from pathlib import Path

from rewardsmith.domain.sandbox import Mount, SandboxSpec

__all__ = ["PLACE", "VARIABLE", "with_kernels"]

VARIABLE = "WARP_CACHE_PATH"
"""Tells Warp in a worker where they lie; what JAX compiles lies beside them."""
PLACE = "REWARDSMITH_KERNELS"
"""Names another folder for all of them."""


def with_kernels(spec: SandboxSpec) -> SandboxSpec:
    """The sandbox with the folder that it names, made on this machine, at its own place; every worker may write there.

    The worker is told by this process's environment.
    """
    if spec.kernels is None:
        return spec
    told = os.environ.get(PLACE)
    shared = Path("/var/cache") if os.geteuid() == 0 else Path("~/.cache").expanduser()
    folder = (Path(told) if told else shared / "rewardsmith" / "kernels") / spec.kernels
    folder.mkdir(parents=True, exist_ok=True)
    if folder.stat().st_uid == os.geteuid():
        folder.chmod(0o777)
    os.environ[VARIABLE] = str(folder.resolve())
    mount = Mount(source=os.environ[VARIABLE], writable=True)
    return spec.model_copy(update={"mounts": (*spec.mounts, mount)})
