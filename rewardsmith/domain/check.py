"""The job `check`: what a worker finds where it runs, and what it reaches of canaries that were put out for it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rewardsmith.domain.record import Record


class Canaries(Record):
    """What nothing that is locked may reach; made for one examination, and worth nothing."""

    file: str
    """Path of a file with a secret."""
    port: int = Field(gt=0, lt=65536)
    """Port of this machine's loopback on which somebody listens."""
    variable: str
    """Environment variable of another process, with the same secret."""


class CheckJob(Record):
    """Look at the worker's surroundings, and attack from there: `check.json`."""

    kind: Literal["check"] = "check"
    """Which job."""
    canaries: Canaries
    """What the worker's own attacks aim at."""
    reward_canaries: Canaries
    """What those of the reward process aim at."""
    memory_mib: int = Field(default=1024, gt=0)
    """Address space of the reward process, in MiB."""
    unsafe: bool = False
    """Let the reward process run without Landlock and seccomp where there are none."""


class WorkerCheck(Record):
    """What the worker found."""

    python: str
    """Version of its interpreter."""
    versions: dict[str, str]
    """Version of each package that it needs; those that are not installed are left out."""
    faults: dict[str, str]
    """By module, why it cannot be imported."""
    gpus: tuple[str, ...] = ()
    """Names of the GPUs that torch sees."""
    renderer: str = ""
    """How MuJoCo is to draw: `egl`, `osmesa`, `glfw`, or `disable`."""
    draws: bool = False
    """Whether it drew."""
    drawing: str = ""
    """Why it did not."""
    reached: dict[str, str]
    """Outcome of each attack by the worker itself; see `rewardsmith.reward.attacks`."""
    reward_reached: dict[str, str] = Field(default_factory=dict)
    """Outcome of each attack by a locked process inside; empty where it did not come up."""
    unlocked: str = ""
    """Why no locked process came up inside."""
