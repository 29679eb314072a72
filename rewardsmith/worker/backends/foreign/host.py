"""The far side: runs a simulator in an interpreter of its own and does what the worker asks.

`python host.py IN OUT MEMORY FRAME PARENT`, started by its path: two descriptors of pipes, one of the shared arrays,
one for pictures, and the process without which it must not live. Python 3.8; standard library, numpy and what the
simulator itself brings. Of this package it finds the modules that say the same of themselves, without running any
`__init__`, and those of `export`, `worker.slicing` and `worker.view` where its Python is new enough for them.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import traceback
import types
from typing import Any

_PR_SET_PDEATHSIG = 1
_MODULES = {
    "gymnasium": ("rewardsmith.worker.backends.foreign.hosted", "HostedEnvironments"),
    "isaac_gym": ("rewardsmith.worker.backends.isaac_gym", "IsaacGymTask"),
    "isaac_lab": ("rewardsmith.worker.backends.isaac_lab", "IsaacLabTask"),
    "playground": ("rewardsmith.worker.backends.playground", "PlaygroundTask"),
}
"""What hosts each kind of simulator."""
_HOW = {
    "isaac_gym": "it needs Isaac Gym Preview 4 and IsaacGymEnvs: docs/isaac.md says how to get them",
    "isaac_lab": "it needs Isaac Sim and Isaac Lab: docs/isaac.md says how to get them",
    "playground": "it needs MuJoCo Playground and Gymnasium: docs/environments.md says how to get them",
}
"""What to do where a module is missing that no `pip install` of its name brings."""


def main(argv: list[str]) -> None:
    """Serve until the worker closes its end."""
    incoming, outgoing, memory, frame, parent = (int(word) for word in argv)
    _die_with(parent)
    _find_package()
    from rewardsmith.worker.backends.foreign.channel import Channel, Gone

    channel = Channel(incoming, outgoing)
    with contextlib.suppress(Gone):
        _serve(channel, memory, frame)


def _serve(channel: Any, memory: int, frame: int) -> None:
    from rewardsmith.worker.backends.foreign.channel import Fault

    hosted: Any | None = None
    while True:
        order = channel.receive()
        call = order.pop("call")
        if call == "close":
            return
        try:
            if call == "open":
                hosted = _load(order.pop("simulator"))(memory, frame)
            answer: dict[str, Any] = getattr(hosted, call)(**order) or {}
        except Fault as fault:
            answer = {"fault": {"task": True, "message": fault.message, "hint": fault.hint}}
        except Exception as error:  # whatever a simulator raises
            traceback.print_exc()
            answer = {"fault": {"task": False, "message": f"{type(error).__name__}: {error}"}}
        channel.send(answer)


def _load(simulator: str) -> Any:
    """What hosts this kind of simulator. Raises Fault where this interpreter lacks a module."""
    import importlib

    from rewardsmith.worker.backends.foreign.channel import Fault

    module, name = _MODULES[simulator]
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        hint = _HOW.get(simulator, f"{sys.executable} -m pip install {error.name}")
        raise Fault(
            f"Python {sys.version.split()[0]} at {sys.executable} has no module {error.name!r}", hint
        ) from error


def _find_package() -> None:
    """Let modules of this package be imported without running any `__init__`, and nothing beside this file."""
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    sys.path[:] = [place for place in sys.path if place not in ("", here)]
    root = os.path.dirname(os.path.dirname(os.path.dirname(here)))  # noqa: PTH120
    for name in (
        "",
        ".export",
        ".worker",
        ".worker.slicing",
        ".worker.backends",
        ".worker.backends.foreign",
        ".environments",
    ):
        package = types.ModuleType("rewardsmith" + name)
        package.__path__ = [os.path.join(root, *name.split(".")[1:])]  # noqa: PTH118
        sys.modules[package.__name__] = package


def _die_with(parent: int) -> None:
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])
