"""Writes the pinned packages of the worker's image, sandboxes/docker/requirements.txt, from constraints.txt.

scripts/worker_requirements.py [--check]     a worker needs its extra and what our own rooms inside it import
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / "sandboxes" / "docker" / "requirements.txt"
IMPORTED = {"numpy", "pydantic", "safetensors"}
"""Packages outside the extra that our rooms inside a worker import."""
HEAD = "# The packages of a worker's image, pinned as in constraints.txt. scripts/worker_requirements.py writes it.\n"


def text() -> str:
    """What the file must hold: every package that a worker needs, directly or not."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["optional-dependencies"]["worker"]]
    wanted += [line for line in project["dependencies"] if Requirement(line).name in IMPORTED]
    return HEAD + "".join(f"{line}\n" for line in pinned(wanted))


def pinned(wanted: Iterable[str]) -> list[str]:
    """Lines of constraints.txt for `wanted` and everything that they need, as installed here."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = {canonicalize_name(Requirement(line).name): line for line in lines if line and not line.startswith("#")}
    return [pins[name] for name in sorted(_closure([Requirement(line) for line in wanted]))]


def _closure(wanted: list[Requirement]) -> set[str]:
    """Names of the installed packages that the wanted ones need, directly or not."""
    found: set[tuple[str, str]] = set()
    while wanted:
        requirement = wanted.pop()
        for extra in ("", *requirement.extras):
            name = canonicalize_name(requirement.name)
            if (name, extra) in found:
                continue
            found.add((name, extra))
            theirs = [Requirement(line) for line in metadata.requires(name) or []]
            wanted += [each for each in theirs if each.marker is None or each.marker.evaluate({"extra": extra})]
    return {name for name, _ in found}


def main() -> int:
    """Write it; with --check say whether it is as it must be."""
    if "--check" in sys.argv[1:]:
        return 0 if PLACE.read_text() == text() else 1
    PLACE.write_text(text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
