"""One line of an examination."""

from __future__ import annotations

from collections.abc import Callable

from rewardsmith.domain.machine import MachineCheck
from rewardsmith.errors import RewardsmithError, one_line


def check(group: str, name: str, look: Callable[[], str], *, needed: bool) -> MachineCheck:
    """What `look` says, or the message and the hint of what it raises."""
    try:
        return MachineCheck(group=group, name=name, ok=True, needed=needed, detail=look())
    except RewardsmithError as error:
        return lack(group, name, error, needed=needed)


def lack(group: str, name: str, error: RewardsmithError, *, needed: bool) -> MachineCheck:
    """The line of an error; its advice to ask `doctor` is left out."""
    remedy = one_line(error.hint.removeprefix("run `rewardsmith doctor`, or "))
    return MachineCheck(group=group, name=name, ok=False, needed=needed, detail=one_line(error.message), remedy=remedy)
