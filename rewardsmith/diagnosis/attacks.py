"""Whether a reward of this machine, started as `evolve` starts it, is really locked."""

from __future__ import annotations

from rewardsmith.diagnosis.canaries import planted
from rewardsmith.diagnosis.checks import lack
from rewardsmith.domain.job import RewardLimits
from rewardsmith.domain.machine import AttackCheck, MachineCheck
from rewardsmith.errors import InfrastructureError, IsolationUnavailable
from rewardsmith.reward.trial import attack_locked

GROUP = "Rewards"
UNLOCKED = "a machine with Landlock and seccomp, or --unsafe-no-sandbox to run rewards without them"
"""What to do where no process can be locked."""


def attack_from_reward(*, unsafe: bool, namespaces: bool) -> tuple[MachineCheck, list[AttackCheck]]:
    """Start a reward process, bare as workers do or in namespaces as the search does, and let it attack."""
    place = "reward in namespaces" if namespaces else "reward"
    name = "reward process in namespaces" if namespaces else "reward process"
    try:
        with planted() as canaries:
            outcomes = attack_locked(canaries.canaries, limits=RewardLimits(unsafe=unsafe), namespaces=namespaces)
            verdicts = canaries.verdicts(place, outcomes, needed=not unsafe)
    except IsolationUnavailable as error:
        return lack(GROUP, name, IsolationUnavailable(error.message, hint=UNLOCKED), needed=True), []
    except InfrastructureError as error:
        return lack(GROUP, name, error, needed=True), []
    return summary(GROUP, name, verdicts, unsafe=unsafe), verdicts


def summary(group: str, name: str, verdicts: list[AttackCheck], *, unsafe: bool) -> MachineCheck:
    """The line of a reward process that came up and attacked."""
    stopped = sum(verdict.stopped for verdict in verdicts)
    every = stopped == len(verdicts)
    remedy = "" if every else "do not run rewards of strangers here: use a machine with Landlock and seccomp"
    return MachineCheck(
        group=group,
        name=name,
        ok=every or unsafe,
        needed=True,
        detail=f"stopped {stopped} of {len(verdicts)} real attacks",
        remedy=remedy,
        warning=not every,
    )
