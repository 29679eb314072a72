"""A kept reward's lock: what it was when it was kept, for every later check to compare with."""

from __future__ import annotations

import hashlib
from typing import Literal

from pydantic import Field
from pydantic_core import from_json, to_json

from rewardsmith.domain.record import Record
from rewardsmith.domain.result import Interval
from rewardsmith.domain.survey import Dtype, Signal
from rewardsmith.domain.task import Task

Sha256 = Field(pattern=r"^[0-9a-f]{64}$")


class LockedSignal(Record):
    """A signal as the reward knew it."""

    shape: tuple[int, ...]
    """Shape of one row."""
    dtype: Dtype
    """Type of the array."""
    unit: str
    """Physical unit; empty where it has none."""
    reader: str
    """How it was read; see `Signal.reader`."""
    low: tuple[float, ...] = ()
    """Least value of each flattened entry under the survey's random actions; empty in locks of earlier versions."""
    high: tuple[float, ...] = ()
    """Greatest value of each."""

    @classmethod
    def of(cls, signal: Signal) -> LockedSignal:
        """What a lock keeps of a signal."""
        return cls(**signal.model_dump(include=set(cls.model_fields)))


class LockedComponent(Record):
    """A component, or the total, over the recorded rows."""

    mean: float
    std: float
    low: float
    high: float


class LockedScores(Record):
    """Scores of trainings of one length."""

    steps: int
    """Environment steps of each training."""
    seeds: dict[int, float]
    """Score by seed, failed trainings left out."""


class CurvePoint(Record):
    """The learning curve at one rung."""

    steps: int
    """Environment steps trained so far."""
    score: Interval
    """Over the seeds that got so far."""


class LockedTraining(Record):
    """One training of the reward."""

    seed: int
    """Its seed."""
    rungs: tuple[float, ...]
    """Mean score at each rung."""
    score: float
    """What it ended with: as in the confirmation, where it was one."""


class Trained(Record):
    """Trainings of one schedule, for new ones to be compared with."""

    steps: int = Field(gt=0)
    """Environment steps of each."""
    rungs: int = Field(gt=0)
    """Equal parts, each ending with a score."""
    episodes: int = Field(gt=0)
    """Held-out episodes per score."""
    confirmed: bool
    """Whether these are the confirmation's; scores of a search are too high, because the reward was chosen by them."""
    steps_per_second: float
    """How fast they went: the median."""
    trainings: tuple[LockedTraining, ...] = Field(min_length=1)
    """Each to its end, failed ones left out."""


class Provenance(Record):
    """Where the reward comes from."""

    run: str
    """Name of the run."""
    candidate: str
    """Its place in the run, such as `g2c05`."""
    origin: str
    """How it came to be."""
    parents: tuple[str, ...]
    """Candidates that it was made from."""
    recipe: str
    """Recipe of the run."""
    model: str
    """Who wrote."""
    prompts: dict[str, str]
    """Hash of each prompt that led to it, by role and call."""
    made_with: str
    """Version of rewardsmith."""


class Lock(Record):
    """What a reward was when it was kept."""

    version: Literal[1] = 1
    """Version of this record."""
    reward: str
    """Hash of the normalised source."""
    provenance: Provenance
    task: Task
    """All that a check needs to make the environment again."""
    versions: dict[str, str]
    """Versions of the simulator and its libraries."""
    dt: float
    """Seconds of simulated time per step."""
    signals: dict[str, LockedSignal]
    """Those that the reward reads, by name."""
    components: dict[str, LockedComponent]
    """Those of the reward and its `total`, over the recorded rows."""
    recorded: str = Sha256
    """Hash of the file of recorded rows."""
    scored: str
    """Hash of the reward that was trained: another than `reward` where the lock was updated since."""
    scores: tuple[LockedScores, ...]
    """By length of the training."""
    curve: tuple[CurvePoint, ...]
    """Of the trainings to the end of the budget."""
    trained: Trained | None = None
    """What new trainings are compared with; absent in locks of earlier versions."""
    source: tuple[str, ...]
    """The reward, line by line."""
    view: tuple[str, ...]
    """The environment without its reward, line by line."""
    signature: str = ""
    """Hash of everything above, which `signed` puts in."""

    def signed(self) -> Lock:
        """The same with its signature."""
        return self.model_copy(update={"signature": digest(self.model_dump_json())})


def digest(text: str | bytes) -> str:
    """SHA-256 of a lock's JSON without its signature, however it is laid out; what is not known here counts, too."""
    return hashlib.sha256(to_json({k: v for k, v in from_json(text).items() if k != "signature"})).hexdigest()
