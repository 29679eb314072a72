"""What a kept reward's lock takes from a simulator: states to step from, and episodes of scripted policies."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rewardsmith.domain.record import Record
from rewardsmith.domain.survey import RecordedEpisode

ScriptedPolicy = Literal["saturate", "oscillate", "die_early"]

STATES = 16
"""Simulator states that a lock keeps."""
OPENING = 10
"""Steps that are made from each of them, and of each random episode."""

Numbers = Annotated[tuple[float, ...], Field(max_length=100_000)]


class SimulatorState(Record):
    """A state of a simulator and what is done from there."""

    seed: int = Field(ge=0)
    """Of the reset before it, which gives what the environment itself keeps."""
    state: Numbers
    """MuJoCo's full physics state (`mjSTATE_INTEGRATION`)."""
    actions: tuple[Numbers, ...] = Field(min_length=1, max_length=OPENING)
    """The actions, flattened."""


class Played(Record):
    """What a trained agent did in the first held-out episode of a rung, to be done again."""

    actions: tuple[Numbers, ...] = Field(min_length=1, max_length=1000)
    """Its first actions, flattened."""


class ScriptedEpisode(RecordedEpisode):
    """One episode of a scripted policy."""

    policy: ScriptedPolicy
    """`saturate`: every entry held at one of its bounds; `oscillate`: to and fro between them; `die_early`: whichever
    of several was found to end the episode soonest."""


class Scripted(Record):
    """What the job `script` found: `script.json`."""

    episodes: tuple[ScriptedEpisode, ...] = Field(max_length=100)
    """In the order of the rows of `scripted.npz`."""
    states: tuple[SimulatorState, ...] = Field(max_length=STATES)
    """None where the simulator is not MuJoCo."""


class Stepped(Record):
    """What the job `step` found: `step.json`, beside `stepped.npz` with the rows."""

    lengths: tuple[int, ...] = Field(max_length=STATES)
    """Steps from each state: fewer than there are actions where the episode ended."""
    misfit: str = Field(default="", max_length=300)
    """Why the states cannot be put into this simulator; nothing was stepped."""
