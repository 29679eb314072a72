"""rewardsmith writes reward functions, proves how good they are, and keeps them from getting worse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rewardsmith.api import evolve as evolve
    from rewardsmith.api import report as report
    from rewardsmith.client.client import Client as Client
    from rewardsmith.export.wrapper import RewardWrapper as RewardWrapper

__version__ = "0.1.0"
__all__ = ["Client", "RewardWrapper", "__version__", "evolve", "report"]

_WHERE = {
    "Client": "rewardsmith.client.client",
    "RewardWrapper": "rewardsmith.export.wrapper",
    "evolve": "rewardsmith.api",
    "report": "rewardsmith.api",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `rewardsmith --help` need not."""
    if name not in _WHERE:
        raise AttributeError(f"module 'rewardsmith' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_WHERE[name]), name)
