"""What a worker is told: `job.json`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rewardsmith.domain.check import CheckJob
from rewardsmith.domain.record import Record
from rewardsmith.domain.states import Played, SimulatorState
from rewardsmith.domain.survey import Signal
from rewardsmith.domain.task import Task

MOST_STEPS = 10**15
"""More environment steps than any training can have."""
MOST_SCORE = 1e100
"""Largest magnitude of a score: the squares of larger ones, which statistics need, are infinite."""


class RewardLimits(Record):
    """What one reward process may use."""

    seconds: float = Field(default=20.0, gt=0)
    """Wall clock of every request, without what the process was kept waiting for a processor."""
    total_seconds: float | None = Field(default=None, gt=0)
    """Wall clock of all requests to one score process together; absent: as long as they take."""
    start_seconds: float = Field(default=20.0, gt=0)
    """The same of the module body, from the locked process to the function that can be asked."""
    memory_mib: int = Field(default=1024, gt=0)
    """Address space."""
    unsafe: bool = False
    """Run without Landlock and seccomp where the machine has none; only ever by an explicit wish of the user."""


class RewardSpec(Record):
    """Which reward a training pays."""

    kind: Literal["candidate", "human", "sparse"]
    """`human` is the environment's own reward, `sparse` the task's score paid as a reward."""
    reward_id: str
    """Hash of the normalised source, or the kind."""
    source: str | None = None
    """Python source, for a candidate."""


class SurveyJob(Record):
    """Run the environment and tell what is there: `survey.json`, `probe.npz`."""

    kind: Literal["survey"] = "survey"
    """Which job."""
    task: Task
    """The task."""
    episodes: int = Field(default=16, gt=0)
    """Random episodes to record."""
    max_steps: int = Field(default=8192, gt=0)
    """Steps over all episodes after which no new episode starts."""
    seed: int = 0
    """Seed of resets and actions."""
    limits: RewardLimits = RewardLimits()
    """Limits of the score process."""


class TrainJob(Record):
    """Train one agent and score it: `report.json`, weights, learning curve, archive, checkpoints."""

    kind: Literal["train"] = "train"
    """Which job."""
    task: Task
    """The task."""
    signals: tuple[Signal, ...]
    """Signals of the survey."""
    reward: RewardSpec
    """What is paid."""
    seed: int
    """Seed of training; held-out episodes have seeds that no training uses."""
    steps: int = Field(gt=0)
    """Environment steps of the whole training; schedules span them."""
    rungs: int = Field(gt=0)
    """Equal parts, each ending with a checkpoint and a score."""
    until: int | None = Field(default=None, gt=0)
    """Rungs after which the training pauses, to be gone on with from its checkpoint; absent: it goes on to the end."""
    warm: bool = False
    """Begin with the best policy of the training whose `out` is given, another reward's, instead of going on with it:
    with its weights and its statistics of observations, but with no step done and a new optimiser."""
    episodes: int = Field(gt=0)
    """Held-out episodes per score."""
    final: bool = False
    """True in the confirmation: the best rung is scored once more, on the third set of episode seeds."""
    limits: RewardLimits = RewardLimits()
    """Limits of the reward process and of the score process."""
    video: bool = False
    """Film one held-out episode of the best rung; see `domain.film`."""
    tensorboard: bool = True
    """Write TensorBoard files."""

    @property
    def last(self) -> int:
        """Rungs after which the report is written."""
        return min(self.until or self.rungs, self.rungs)


class FilmJob(Record):
    """Film the policy of an earlier training, whose `out/` is what is resumed: `film.json` and what it names."""

    kind: Literal["film"] = "film"
    """Which job."""
    train: TrainJob
    """How the policy was trained."""


class ScriptJob(Record):
    """Play scripted policies, keep states of the simulator and step from them: `script.json`, `step.json`, rows."""

    kind: Literal["script"] = "script"
    """Which job."""
    task: Task
    """The task."""
    signals: tuple[Signal, ...]
    """Signals of the survey."""
    seed: int = 0
    """Seed of resets and actions."""
    trained: tuple[Played, ...] = Field(default=(), max_length=8)
    """Episodes of trained agents, for states that no script reaches."""
    limits: RewardLimits = RewardLimits()
    """Limits of the score process."""


class StepJob(Record):
    """Step the environment afresh from stored states of its simulator: `step.json`, `stepped.npz`."""

    kind: Literal["step"] = "step"
    """Which job."""
    task: Task
    """The task."""
    signals: tuple[Signal, ...]
    """Signals of the survey."""
    states: tuple[SimulatorState, ...]
    """Where to begin, and what to do from there."""


Job = Annotated[SurveyJob | TrainJob | FilmJob | CheckJob | ScriptJob | StepJob, Field(discriminator="kind")]


class Progress(Record):
    """How far a job is: `progress.json`, replaced atomically."""

    steps: int = Field(ge=0, le=MOST_STEPS)
    """Environment steps done."""
    of: int = Field(gt=0, le=MOST_STEPS)
    """Environment steps in all."""
    steps_per_second: float = Field(ge=0, le=MOST_STEPS)
    """Recent rate."""
    score: float | None = Field(default=None, ge=-MOST_SCORE, le=MOST_SCORE)
    """Mean score of the last rung."""


class TaskFault(Record):
    """What a worker says of a task or a score rule that is wrong: `error.json`."""

    type: str
    """Class of the error, such as `TaskError`."""
    message: str
    """What is wrong."""
    hint: str = ""
    """What to do about it."""
