"""Keys of the service: who may ask for what, and how much of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rewardsmith.domain.record import Record

Scope = Literal["read", "submit", "admin"]
"""What a key may do: look at its own runs; also submit and change them; everything with everyone's."""


class KeyLimits(Record):
    """How much a key may use; absent means as much as there is."""

    runs_at_once: int | None = Field(default=None, ge=1)
    """Runs that are driven side by side; further ones wait."""
    trainings_per_day: int | None = Field(default=None, ge=1)
    """Trainings that the runs submitted within 24 hours may take."""
    dollars_per_day: float | None = Field(default=None, ge=0)
    """Money that the runs submitted within 24 hours may spend."""
    requests_per_minute: int | None = Field(default=None, ge=1)
    """Requests to one server."""
    trainings_per_run: int | None = Field(default=None, ge=1)
    """Trainings that one run may take, in place of what the server allows everybody."""
    steps_per_run: int | None = Field(default=None, ge=1)
    """Environment steps that one run may take, in place of what the server allows everybody."""


class RunLimits(Record):
    """How much one run may take whose key says nothing else."""

    trainings: int = Field(default=500, ge=1)
    """Trainings, baselines and confirmation included."""
    steps: int = Field(default=2 * 10**9, ge=1)
    """Environment steps, scoring included."""


class Key(Record):
    """A key without its secret, of which only a hash is kept. `keys list` and `keys revoke`."""

    name: str
    """Whose it is; its runs belong to this name."""
    scope: Scope
    """What it may do."""
    limits: KeyLimits = KeyLimits()
    """How much it may use."""
    created: float
    """Seconds since 1970 by the clock of the database."""
    revoked: float | None = None
    """When it was revoked; null while it is good."""


class NewKey(Record):
    """`keys add` and `keys renew`: the only time that the secret is shown."""

    key: Key
    """What is kept of it."""
    secret: str
    """What a request sends as `Authorization: Bearer ...`."""


class Caller(Record):
    """Who asks: the holder of a key, or whoever may use this machine where there are no keys."""

    name: str
    """Name of the key; empty where there are none."""
    scope: Scope
    """What may be asked."""
    limits: KeyLimits = KeyLimits()
    """How much may be used."""

    @property
    def rules(self) -> bool:
        """Whether everyone's runs are this caller's to see and change."""
        return self.scope == "admin"

    def sees(self, asker: str) -> bool:
        """Whether the runs of `asker` are among those that there are for this caller."""
        return self.rules or asker == self.name


EVERYONE = Caller(name="", scope="admin")
"""Who asks where there are no keys."""


class Reserve(Record):
    """The most that a run may take."""

    trainings: int = 0
    """Trainings, baselines and confirmation included."""
    dollars: float = 0.0
    """Money paid to providers."""


NOTHING = Reserve()
