"""What `doctor` finds, and prints as JSON. Others build on it: fields are only ever added."""

from __future__ import annotations

from rewardsmith.domain.record import Record


class MachineCheck(Record):
    """One line of `doctor`."""

    name: str
    """What was looked at."""
    ok: bool
    """Whether it is there."""
    needed: bool
    """Whether `evolve` needs it as it is set up now."""
    detail: str
    """What was found, or why it is not there; never the value of a key."""
    group: str = ""
    """Heading under which it stands."""
    remedy: str = ""
    """What to do where it is missing or weak."""
    warning: bool = False
    """Whether it is there, but less than it could be."""


class AttackCheck(Record):
    """One real attack of `doctor`, on canaries that it put out."""

    place: str
    """Where the attacker was: in a reward process, or in a worker."""
    attack: str
    """What was tried."""
    stopped: bool
    """Whether it failed."""
    needed: bool
    """Whether rewardsmith promises that it fails there."""
    detail: str = ""
    """How it was stopped: the name of the error."""


class MachineResult(Record):
    """`doctor`."""

    ready: bool
    """Whether everything that is needed is there, so that `evolve` would start."""
    system: str
    """Kernel and architecture."""
    checks: tuple[MachineCheck, ...]
    """Isolation, workers, rewards, models, store, software."""
    warnings: tuple[str, ...]
    """What weakens a layer without removing it."""
    sandbox: str = ""
    """What the workers would run in."""
    attacks: tuple[AttackCheck, ...] = ()
    """Real attacks, here and now."""
