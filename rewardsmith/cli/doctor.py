"""`rewardsmith doctor`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib import metadata
from typing import TYPE_CHECKING

from rewardsmith.cli.command import command, option
from rewardsmith.cli.options import json_option

if TYPE_CHECKING:
    from rewardsmith.domain.result import MachineCheck
    from rewardsmith.isolation.machine import Machine

NEEDED = ("numpy", "gymnasium", "mujoco", "torch", "stable-baselines3", "sb3-contrib", "sqlalchemy", "safetensors")
EXTRAS = {"openai": "openai", "litellm": "litellm", "imageio": "video"}
"""Optional package -> extra that brings it."""
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "MISTRAL_API_KEY", "OPENROUTER_API_KEY")


@command("doctor")
@option("--sandbox", metavar="NAME", default="bubblewrap", show_default=True, help="What the workers would run in.")
@json_option
def doctor(*, sandbox: str, as_json: bool) -> None:
    """Say what this machine can enforce, what is installed, and whether keys are set (never their values).

    Exit code 3 when `evolve` could not start here.
    """
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.domain.result import MachineResult
    from rewardsmith.errors import IsolationUnavailable
    from rewardsmith.isolation.machine import inspect
    from rewardsmith.reports.words import table

    machine = inspect()
    checks = (*_isolation(machine), *_sandboxes(sandbox), *_packages(), *_keys())
    lacking = [check for check in checks if check.needed and not check.ok]
    if as_json:
        emit_json(MachineResult(ready=not lacking, system=machine.system, checks=checks, warnings=machine.warnings))
    else:
        marks = {(True, True): "ok", (True, False): "ok", (False, False): "-", (False, True): "MISSING"}
        rows = [[marks[each.ok, each.needed], each.name, each.detail] for each in checks]
        emit_text("\n".join([machine.system, "", table(["", "what", "found"], rows)]))
        for warning in machine.warnings:
            emit_text(f"note: {warning}")
    if lacking:
        names = ", ".join(check.name for check in lacking)
        raise IsolationUnavailable(f"this machine lacks what evolve needs: {names}", hint=lacking[0].detail)


def _check(name: str, look: Callable[[], str], *, needed: bool) -> MachineCheck:
    """One line: what `look` returns, or the message of what it raises."""
    from rewardsmith.domain.result import MachineCheck
    from rewardsmith.errors import RewardsmithError

    try:
        return MachineCheck(name=name, ok=True, needed=needed, detail=look())
    except RewardsmithError as error:
        detail = error.message + (f"; {error.hint}" if error.hint else "")
    except Exception as error:
        detail = str(error)
    return MachineCheck(name=name, ok=False, needed=needed, detail=detail)


def _isolation(machine: Machine) -> list[MachineCheck]:
    from rewardsmith.domain.result import MachineCheck

    return [
        MachineCheck(name=f"reward process: {each.name}", ok=each.present, needed=each.required, detail=each.detail)
        for each in machine.findings
    ]


def _sandboxes(chosen: str) -> list[MachineCheck]:
    from rewardsmith.catalogue.folders import find_folders
    from rewardsmith.catalogue.sandboxes import list_sandboxes, load_sandbox
    from rewardsmith.sandboxes.registry import open_sandbox

    folders = find_folders()
    wanted = load_sandbox(chosen, folders)

    def look(name: str) -> str:
        open_sandbox(wanted if name == wanted.name else load_sandbox(name, folders)).check()
        return "usable"

    return [
        _check(f"worker sandbox {name}", lambda name=name: look(name), needed=name == wanted.name)  # type: ignore[misc]
        for name in sorted({*list_sandboxes(folders), wanted.name})
    ]


def _packages() -> list[MachineCheck]:
    from rewardsmith import __version__

    version = f"{__version__}, Python {sys.version.split()[0]}, {os.cpu_count()} cores"
    checks = [_check("rewardsmith", lambda: version, needed=True)]
    for name in NEEDED:
        checks.append(_check(name, lambda name=name: metadata.version(name), needed=True))  # type: ignore[misc]
    for name, extra in EXTRAS.items():

        def look(name: str = name, extra: str = extra) -> str:
            try:
                return metadata.version(name)
            except metadata.PackageNotFoundError:
                raise OSError(f"optional: pip install 'rewardsmith[{extra}]'") from None

        checks.append(_check(name, look, needed=False))
    return checks


def _keys() -> list[MachineCheck]:
    from rewardsmith.domain.result import MachineCheck

    return [
        MachineCheck(
            name=key, ok=bool(os.environ.get(key)), needed=False, detail="set" if os.environ.get(key) else "not set"
        )
        for key in KEYS
    ]
