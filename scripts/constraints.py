"""Writes constraints.txt: what the environment of this interpreter holds, and what the extras need beside it.

scripts/constraints.py     extras that are not installed (`cluster`, `mlflow`, `wandb`) are resolved, not installed
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / "constraints.txt"
HEAD = "# Exact versions of everything that `make install` installs, and of all extras. `make constraints` writes it.\n"


def text() -> str:
    """What the file must hold; pins of what is not installed stay as they are where they can."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    here = _by_name(line.replace("+cpu", "") for line in _pip("freeze", "--all", "--exclude-editable").splitlines())
    here.pop("pip", None)
    before = _by_name(line for line in PLACE.read_text().splitlines() if not line.startswith("#"))
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as kept:
        kept.write("\n".join((before | here).values()))
        kept.flush()
        extras = ",".join(map(canonicalize_name, project["optional-dependencies"]))
        wanted = f"{ROOT}[{extras}]"
        report = json.loads(_pip("install", "--dry-run", "--quiet", "--report", "-", "-c", kept.name, wanted))
    found = [each["metadata"] for each in report["install"]]
    beside = _by_name(f"{each['name']}=={each['version']}" for each in found if each["name"] != project["name"])
    return HEAD + "".join(f"{line}\n" for _, line in sorted((beside | here).items()))


def _by_name(lines: object) -> dict[str, str]:
    return {canonicalize_name(Requirement(line).name): line for line in lines}


def _pip(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *words], stdout=subprocess.PIPE, text=True
    )
    if done.returncode != 0:
        sys.exit(f"pip {words[0]} failed")
    return done.stdout


if __name__ == "__main__":
    PLACE.write_text(text())
