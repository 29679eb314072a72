"""Sandboxes by name: the built-in ones and those of other packages (entry points `rewardsmith.sandboxes`)."""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from rewardsmith.errors import UnknownName, UsageError
from rewardsmith.sandboxes.child import PACKAGE
from rewardsmith.sandboxes.sandbox import Sandbox, SandboxLimits

GROUP = "rewardsmith.sandboxes"
"""Entry-point group: each entry is a class that takes `limits` and the keyword `worker`."""

_BUILT_IN = {
    "bubblewrap": "rewardsmith.sandboxes.bubblewrap:BubblewrapSandbox",
    "process": "rewardsmith.sandboxes.process:ProcessSandbox",
}


def known_sandboxes() -> dict[str, str]:
    """Every sandbox by name, with the address `module:class` of what makes it; nothing is imported."""
    return {entry.name: entry.value for entry in metadata.entry_points(group=GROUP)} | _BUILT_IN


def open_sandbox(
    name: str,
    limits: SandboxLimits | None = None,
    *,
    folders: Sequence[Path] = (),
    worker: tuple[str, ...] | None = None,
) -> Sandbox:
    """The sandbox called `name`.

    Args:
        name: `bubblewrap`, `process`, or one that another package brings.
        limits: Limits of its workers; by default those of `load_limits`.
        folders: Folders that may hold `<name>/sandbox.toml`, first one first.
        worker: Command in place of the worker's; the job folder and `--resume` follow it.

    Raises:
        UnknownName: There is none of that name.
        UsageError: Its `sandbox.toml` is wrong, or its package is broken.
    """
    known = known_sandboxes()
    if name not in known:
        raise UnknownName("sandbox", name, known)
    module, _, attribute = known[name].partition(":")
    try:
        make = cast(Any, getattr(importlib.import_module(module), attribute))
    except Exception as error:  # whatever a stranger's module raises
        raise UsageError(
            f"the sandbox {name!r} ({known[name]}) cannot be loaded: {error}",
            hint=f"update or remove its package; known sandboxes: {', '.join(sorted(known))}",
        ) from error
    limits = limits or load_limits(name, folders)
    return cast(Sandbox, make(limits) if worker is None else make(limits, worker=worker))


def load_limits(name: str, folders: Sequence[Path] = ()) -> SandboxLimits:
    """Limits in the first `<folder>/<name>/sandbox.toml` of `folders`, the package's data and the checkout.

    Raises:
        UsageError: The file is wrong: its path, the key and what is expected.
    """
    for folder in (*folders, PACKAGE / "_bundled" / "sandboxes", PACKAGE.parent / "sandboxes"):
        path = folder / name / "sandbox.toml"
        if path.is_file():
            return _read(path)
    return SandboxLimits()


def _read(path: Path) -> SandboxLimits:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}") from error
    if unknown := sorted(set(table) - {"limits"}):
        raise UnknownName("table", unknown[0], ["limits"], where=str(path))
    limits = table.get("limits", {})
    if not isinstance(limits, dict):
        raise UsageError(f"limits of {path} must be a table: [limits]")
    for key in limits:
        if key not in SandboxLimits.model_fields:
            raise UnknownName("key", key, SandboxLimits.model_fields, where=f"[limits] of {path}")
    try:
        return SandboxLimits.model_validate(limits, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"[limits] {first['loc'][0]} of {path}: {first['msg']}") from error
