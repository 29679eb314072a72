"""What the commands print as JSON. Others build on these: fields are only ever added."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.judgement import Calibration
from rewardsmith.domain.prompt import Message, Usage
from rewardsmith.domain.record import Record
from rewardsmith.domain.report import Report
from rewardsmith.domain.warning import RewardWarning

Status = Literal["queued", "running", "paused", "done", "failed", "cancelled"]


class Interval(Record):
    """A mean over seeds (or episodes) with its 95 % confidence interval."""

    mean: float
    """Mean score."""
    low: float | None
    """Lower end; absent with a single value."""
    high: float | None
    """Upper end; absent with a single value."""
    n: int
    """How many values it rests on."""


class Best(Record):
    """The reward that a run stands by."""

    candidate: str
    """Its place in the run, such as `g2c05`."""
    score: Interval | None
    """Mean over the confirmation's seeds alone; absent until they are done."""
    failed_seeds: int = 0
    """Seeds of the confirmation on which its training failed; they have no score and are not in the mean."""
    search_max: float | None
    """What the search itself measured on one seed: the maximum of many, so too high on average."""
    gap: float | None = None
    """`search_max` less the confirmed mean; absent until that is there."""
    improvement: dict[str, Interval] = Field(default_factory=dict)
    """By baseline: the probability that a training of this reward scores above one of it, over pairs of seeds."""
    human_normalised: float | None = None
    """The confirmed mean in EUREKA's measure: 0 is the sparse baseline, 1 the human one, clipped to [0, 3] as there."""
    file: str
    """Path of its `reward.py`."""
    warnings: tuple[RewardWarning, ...] = ()
    """Signs that the reward is hacked, with their evidence."""


class Baselines(Record):
    """The same measure for what any reward should beat."""

    random: Interval | None = None
    """Random actions, over the survey's episodes."""
    human: Interval | None = None
    """Trained on the environment's own reward; null where there is none."""
    sparse: Interval | None = None
    """Trained on the score itself."""


class RunResult(Record):
    """`evolve`, `resume` and `show`."""

    run: str
    """Name of the run."""
    status: Status
    """Where it stands."""
    reason: str = ""
    """Why it stands there, in a line."""
    task: str
    """Name of the task."""
    best: Best | None
    """The winner, or the best so far; null before any candidate was scored."""
    baselines: Baselines
    archive: Calibration | None = None
    """How well the archive foretold the scores; null where it was not asked."""
    usage: Usage
    folder: str
    """Where everything lies."""


class TrainScore(Interval):
    """Score of one training: over held-out episodes."""

    episodes: tuple[float, ...]
    """Score of each episode: the best rung's weights, on episodes that picked nothing."""


class ComponentSummary(Record):
    """One component over the whole training."""

    mean: float
    """Mean per step in the last tenth of training."""
    share: float
    """Share of the total magnitude in the last tenth of training, 0 to 1."""
    correlation: float | None
    """Correlation of its episode sum with the score; null where either never varies."""


class TrainResult(Record):
    """`train`."""

    candidate: str
    """Hash of the reward, or `human` or `sparse`."""
    score: TrainScore | None
    """Null when it failed."""
    steps: int
    """Environment steps trained."""
    steps_per_s: float
    """Training steps per second, scoring left out."""
    wall_s: float
    """Seconds in all."""
    components: dict[str, ComponentSummary]
    """By name, `total` included."""
    warnings: tuple[RewardWarning, ...] = ()
    """Signs that the reward is hacked, with their evidence."""
    folder: str
    """Where weights, learning curve and report lie."""
    failure: ScreenFailure | None = None
    """Why it failed, where it did."""


class ScreenFailure(Record):
    """What a gate found."""

    kind: str
    """Kind of fault, such as `unknown_signal`."""
    line: int | None
    """Line of the reward's source."""
    message: str
    """What is wrong and what to do about it."""


class ScreenResult(Record):
    """One file of `screen`."""

    file: str
    """As it was named."""
    passed: bool
    """Whether it may train."""
    gate: str | None
    """Gate that caught it; null when it passed."""
    failure: ScreenFailure | None
    """What was found; null when it passed."""
    candidate: str | None = None
    """Hash of the reward, where there is one."""
    components: tuple[str, ...] = ()
    """Names of its components, when it passed."""


class RunSummary(Record):
    """One line of `runs`."""

    run: str
    status: Status
    task: str
    recipe: str
    model: str
    generation: int
    """Generations ended."""
    iterations: int
    """Generations asked for."""
    best: float | None
    """Confirmed mean, else the search's maximum."""
    alive: bool
    """Whether some process drives it now."""
    updated: float
    """Seconds since 1970 of the last event."""
    asker: str = ""
    """Name of the key of the service that it was submitted with; empty where none was."""


class CandidateResult(Record):
    """`show RUN CANDIDATE`."""

    run: str
    """Name of the run."""
    candidate: Candidate
    """The candidate, with its source, its parents and what kept it from training."""
    report: Report | None
    """What the search's training of it, or of its twin, gave; null when it never trained."""
    warnings: tuple[RewardWarning, ...] = ()
    """Signs that the reward is hacked, with their evidence."""
    folder: str
    """Where its files lie."""


class DiffSide(Record):
    """One side of `diff`."""

    candidate: str
    """Its place in the run."""
    score: float | None
    """What the search measured; null when it was never scored."""


class DiffResult(Record):
    """`diff`."""

    run: str
    """Name of the run."""
    a: DiffSide
    """The old side."""
    b: DiffSide
    """The new side."""
    diff: str
    """Unified diff of their sources; empty when they are equal."""


class ExportResult(Record):
    """`export`."""

    run: str
    """Name of the run."""
    candidate: str
    """What was exported."""
    files: tuple[str, ...]
    """Files that were written."""


class SinkResult(Record):
    """`sink`."""

    run: str
    """Name of the run."""
    status: Status
    """Where it stood at the last event that the tracker was told of."""
    tracker: str
    """Who was told."""
    project: str
    """Under which name."""


class ReportResult(Record):
    """`report`."""

    run: str
    """Name of the run."""
    files: tuple[str, ...]
    """Files that were written."""


class PromptResult(Record):
    """`prompts`."""

    task: str
    """Name of the task."""
    recipe: str
    """Name of the recipe."""
    messages: tuple[Message, ...]
    """What a model would be asked."""
    tokens: int
    """Estimate: characters of the messages over four."""


class ErrorBody(Record):
    """What went wrong."""

    type: str
    """Class of the error, see `rewardsmith.errors`."""
    message: str
    hint: str


class ErrorResult(Record):
    """Every failure of a command, on standard error."""

    error: ErrorBody


TrainResult.model_rebuild()
