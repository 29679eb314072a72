"""Kinds of sandbox by name: the built-in ones and those of other packages (entry points `rewardsmith.sandboxes`)."""

from __future__ import annotations

import importlib
from importlib import metadata
from typing import Any, cast

from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.errors import UnknownName, UsageError
from rewardsmith.sandboxes.sandbox import Sandbox

GROUP = "rewardsmith.sandboxes"
"""Entry-point group: each entry is a class that takes a `SandboxSpec` and the keyword `worker`."""

_BUILT_IN = {
    "bubblewrap": "rewardsmith.sandboxes.bubblewrap:BubblewrapSandbox",
    "docker": "rewardsmith.sandboxes.docker:DockerSandbox",
    "process": "rewardsmith.sandboxes.process:ProcessSandbox",
}


def known_kinds() -> dict[str, str]:
    """Every kind by name, with the address `module:class` of what makes it; nothing is imported."""
    return {entry.name: entry.value for entry in metadata.entry_points(group=GROUP)} | _BUILT_IN


def open_sandbox(spec: SandboxSpec, *, worker: tuple[str, ...] | None = None) -> Sandbox:
    """The sandbox that `spec` describes.

    Args:
        spec: What its `sandbox.toml` says.
        worker: Command in place of the worker's; the job folder and `--resume` follow it.

    Raises:
        UnknownName: There is no such kind.
        UsageError: It cannot do what `spec` asks for, or its package is broken.
    """
    known = known_kinds()
    if spec.kind not in known:
        raise UnknownName("kind of sandbox", spec.kind, known, where=f"the sandbox {spec.name!r}")
    module, _, attribute = known[spec.kind].partition(":")
    try:
        make = cast(Any, getattr(importlib.import_module(module), attribute))
    except Exception as error:  # whatever a stranger's module raises
        raise UsageError(
            f"the sandbox {spec.name!r} ({known[spec.kind]}) cannot be loaded: {error}",
            hint=f"update or remove its package; known kinds: {', '.join(sorted(known))}",
        ) from error
    return cast(Sandbox, make(spec) if worker is None else make(spec, worker=worker))
