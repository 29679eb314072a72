"""The interpreters that a sandbox names for simulators, each asked what it holds."""

from __future__ import annotations

import json
import subprocess
from functools import partial

from rewardsmith.diagnosis.checks import check
from rewardsmith.domain.machine import MachineCheck
from rewardsmith.domain.sandbox import SandboxSpec
from rewardsmith.errors import IsolationUnavailable, one_line

GROUP = "Interpreters"
OLDEST = (3, 8)
NEEDED = {
    "isaac_gym": ("isaacgym", "isaacgymenvs", "torch"),
    "isaac_lab": ("isaaclab", "isaaclab_tasks", "torch"),
    "playground": ("mujoco_playground", "jax", "gymnasium"),
}
"""Modules that the interpreters of these names must hold; any other needs gymnasium."""
HOW = {
    "isaac_gym": "Python 3.8 with Isaac Gym Preview 4 (developer.nvidia.com/isaac-gym) and IsaacGymEnvs: docs/isaac.md",
    "isaac_lab": "Isaac Sim's Python with Isaac Lab (isaac-sim.github.io/IsaacLab): docs/isaac.md",
    "playground": "Python 3.11 or later with `pip install playground gymnasium`: docs/environments.md",
}
"""How to get them."""
_ASK = (
    "import importlib.util as u, json, sys; "
    "print(json.dumps([list(sys.version_info[:3]), [n for n in sys.argv[1:] if u.find_spec(n)]]))"
)
_PATIENCE_S = 30


def look_at_interpreters(chosen: SandboxSpec) -> list[MachineCheck]:
    """A line for each interpreter of the chosen sandbox, and for each simulator whose interpreter it does not name."""
    named = [
        check(GROUP, name, partial(look_at_interpreter, chosen, name), needed=False) for name in chosen.interpreters
    ]
    return named + [
        check(GROUP, name, partial(_absent, name), needed=False) for name in HOW.keys() - chosen.interpreters
    ]


def _absent(name: str) -> str:
    raise IsolationUnavailable(
        "not named in [interpreters] of the sandbox; only tasks of that simulator need it", hint=HOW[name]
    )


def look_at_interpreter(chosen: SandboxSpec, name: str) -> str:
    """Ask an interpreter that the sandbox names what it holds. Raises IsolationUnavailable where that is too little."""
    path = chosen.interpreters[name]
    if chosen.kind == "docker":
        return f"{path} in the image, not looked at"
    wanted = ("numpy", *NEEDED.get(name, ("gymnasium",)))
    try:
        asked = subprocess.run(
            [path, "-s", "-c", _ASK, *wanted], capture_output=True, text=True, timeout=_PATIENCE_S, check=True
        )
        version, found = json.loads(asked.stdout.splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        hint = "correct [interpreters] in its sandbox.toml"
        raise IsolationUnavailable(f"{path} does not run: {one_line(str(error))}", hint=hint) from error
    said = f"Python {'.'.join(map(str, version))} at {path}"
    if tuple(version) < OLDEST:
        raise IsolationUnavailable(f"{said}: 3.8 is the oldest that can host a simulator", hint=HOW.get(name, ""))
    if missing := [module for module in wanted if module not in found]:
        hint = HOW.get(name) or f"{path} -m pip install {' '.join(missing)}"
        raise IsolationUnavailable(f"{said} lacks {', '.join(missing)}", hint=hint)
    return f"{said}, with {', '.join(found)}"
