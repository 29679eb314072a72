"""Attacks from inside a locked process: what a reward would reach here and now, if its author meant ill."""

from __future__ import annotations

import json
from pathlib import Path

from rewardsmith.domain.check import Canaries
from rewardsmith.domain.job import RewardLimits
from rewardsmith.errors import RewardProcessError
from rewardsmith.reward import attacks, channel, frames

_MOST = 1 << 16


def attack_locked(canaries: Canaries, *, limits: RewardLimits, namespaces: bool) -> dict[str, str]:
    """Start a locked process with a source that no gate has seen, and let it attack.

    Args:
        canaries: What it aims at.
        limits: As for any reward process.
        namespaces: Whether it has namespaces of its own.

    Returns:
        By attack its outcome, as the attacker tells it; see `attacks.attempt`.

    Raises:
        IsolationUnavailable: This machine cannot lock a process.
        RewardProcessError: The process did not come up, or ended before it had told.
    """
    spec = {
        "mode": "reward",
        "source": _source(canaries),
        "function": "f",
        "signals": [],
        "arguments": [],
        "memory": {},
    }
    process = channel.Channel(spec, limits, namespaces)
    try:
        ready = process.wait_ready()
        if ready.status != frames.READY:
            raise RewardProcessError(f"the attacker broke down: {channel.told(ready.body).get('type', 'unknown')}")
        answered = process.ask(0, 0, 1, 1, [b"\0"], _MOST)
        size = int.from_bytes(answered.body[:8], "little")
        told = json.loads(bytes(answered.body[8 : 8 + size]))
    except (channel.Ended, channel.Late, channel.Garbled, ValueError) as error:
        raise RewardProcessError(f"the attacker ended before it had told ({type(error).__name__}: {error})") from error
    finally:
        process.close()
    if not isinstance(told, list):
        raise RewardProcessError("the attacker broke down while it answered")
    return {attack: outcome for attack, _, outcome in (str(name).partition("=") for name in told)}


def _source(canaries: Canaries) -> str:
    """The attacks as a reward whose components are named after their outcomes."""
    arguments = (canaries.file, canaries.port, canaries.variable)
    return Path(attacks.__file__).read_text(encoding="utf-8") + (
        f"\nOUTCOMES = attempt(*{arguments!r}, forks=True)\n"
        "import numpy\n"
        "def f():\n"
        "    names = [f'{name}={outcome}'[:80] for name, outcome in OUTCOMES.items()]\n"
        "    return numpy.zeros(1), {name: numpy.zeros(1) for name in names}\n"
    )
