"""Sandboxes: a folder with `sandbox.toml`."""

from __future__ import annotations

from pathlib import Path

from rewardsmith.catalogue.files import parse_record, read_text
from rewardsmith.catalogue.folders import Folders
from rewardsmith.domain.sandbox import SandboxFile, SandboxSpec
from rewardsmith.errors import UsageError


def list_sandboxes(folders: Folders) -> tuple[str, ...]:
    """Return the names of all sandboxes in the data folders, sorted."""
    return folders.members("sandboxes")


def load_sandbox(sandbox: str | Path, folders: Folders) -> SandboxSpec:
    """Load a sandbox by name, or by the path of its folder.

    Raises:
        UnknownName: No sandbox of that name; lists the near misses.
        UsageError: Its `sandbox.toml` is wrong: says where and what is expected.
    """
    name, files = folders.find("sandboxes", sandbox)
    path = files["sandbox.toml"]
    given = parse_record(SandboxFile, read_text(path, UsageError), str(path), UsageError)
    return SandboxSpec(name=name, **dict(given))


def sandbox_from_anywhere(sandbox: str, folders: Folders) -> str:
    """What `load_sandbox` finds from any working directory: a name as it is, a path in full."""
    return sandbox if sandbox in list_sandboxes(folders) else str(Path(sandbox).expanduser().resolve())
