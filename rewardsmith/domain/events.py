"""A run is a fold of its events. They are append-only; nothing else keeps books."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from rewardsmith.domain.analysis import Analysis
from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.job import Progress
from rewardsmith.domain.plan import Plan, RunSpec
from rewardsmith.domain.prompt import CompletionKey
from rewardsmith.domain.record import Record
from rewardsmith.domain.report import Report
from rewardsmith.domain.warning import RewardWarning
from rewardsmith.domain.watching import Remark

Purpose = Literal["search", "baseline", "compare", "confirm"]


class Attempt(Record):
    """One training of one reward on one seed for one purpose; `number` counts repeats after a lost worker."""

    purpose: Purpose
    """What the training is for."""
    subject: str
    """Candidate id such as `g2c05`, or the baseline's name (`human`, `sparse`)."""
    seed: int
    """Seed of the training."""
    number: int = 0
    """0, then 1, 2, ... after a pause or a lost worker; a later number continues from the last checkpoint."""
    until: int | None = None
    """Rungs after which it pauses; absent: it goes on to the end."""
    warm: str | None = None
    """Candidate from whose policy the training goes on, with a share of the steps; absent: it begins from scratch."""

    @property
    def key(self) -> tuple[str, str, int]:
        """The same for every number: what must not be trained twice."""
        return (self.purpose, self.subject, self.seed)


class RunStarted(Record):
    """The run was created."""

    kind: Literal["run_started"] = "run_started"
    spec: RunSpec
    plan: Plan
    """What was announced before it started."""


class Surveyed(Record):
    """The survey is there."""

    kind: Literal["surveyed"] = "surveyed"
    fingerprint: str
    random_score: float
    """Mean score of random actions."""
    episodes: int
    """Random episodes behind it."""


class Completed(Record):
    """A completion was stored."""

    kind: Literal["completed"] = "completed"
    key: CompletionKey
    model: str
    author: str | None = None
    """Which of several models was asked, as the command line names it."""
    prompt_hash: str
    """Hash of the rendered messages."""
    recorded_hash: str | None = None
    """When replayed from a recording whose prompt differs: the recorded prompt's hash."""
    tokens: int
    dollars: float | None
    cut: tuple[str, ...] = ()
    """What was left out of the prompt so that it fits the model's window."""


class Screened(Record):
    """A candidate has its place: ready to train, a duplicate, or failed."""

    kind: Literal["screened"] = "screened"
    candidate: Candidate


class AttemptStarted(Record):
    """A training was handed to the executor."""

    kind: Literal["attempt_started"] = "attempt_started"
    attempt: Attempt


class AttemptProgressed(Record):
    """A training moved on; at most one event every 5 s per attempt."""

    kind: Literal["attempt_progressed"] = "attempt_progressed"
    attempt: Attempt
    progress: Progress


class AttemptEnded(Record):
    """A training has a report, or its worker was lost (no report)."""

    kind: Literal["attempt_ended"] = "attempt_ended"
    attempt: Attempt
    report: Report | None
    lost: str | None = None
    """Why there is no report."""
    stopped: bool = False
    """True when it was stopped on purpose: no fault of the infrastructure."""


class Raced(Record):
    """A paused training of the search goes on, or is stopped for good."""

    kind: Literal["raced"] = "raced"
    candidate: str
    rung: int
    """Rungs that it had been scored at."""
    goes_on: bool
    chance: float
    """Estimated chance that it ends among the leaders of the run, 0 to 1."""


class GenerationEnded(Record):
    """Every slot of a generation has its result."""

    kind: Literal["generation_ended"] = "generation_ended"
    generation: int
    best: str | None
    """Best candidate of this generation; absent when none was valid."""
    best_overall: str | None
    """Best candidate so far."""
    warnings: dict[str, tuple[RewardWarning, ...]] = Field(default_factory=dict)
    """Signs of reward hacking by candidate id; candidates without any are left out."""


class Said(Record):
    """Somebody watched what the next generation improves on, and said what was seen, or nothing."""

    kind: Literal["said"] = "said"
    remark: Remark
    feedback: tuple[int, ...] = ()
    """Events whose words the remark passes on; empty where somebody was asked."""


class FeedbackGiven(Record):
    """A person sent words about the run, unasked; they wait until a generation has ended."""

    kind: Literal["feedback_given"] = "feedback_given"
    text: str
    """What was said."""
    candidate: str | None = None
    """Whom it is about; absent: whatever the next generation improves on."""


class Analysed(Record):
    """The training of a parent was read, or could not be."""

    kind: Literal["analysed"] = "analysed"
    generation: int
    """The generation that is told of it first."""
    candidate: str
    analysis: Analysis


class SearchEnded(Record):
    """No further candidates are written; what follows is confirmation."""

    kind: Literal["search_ended"] = "search_ended"
    reason: str
    """Why, in a line."""


class Confirmed(Record):
    """The winner stands."""

    kind: Literal["confirmed"] = "confirmed"
    winner: str
    leaders: tuple[str, ...]
    """Compared on fresh seeds, best first."""


class StatusChanged(Record):
    """The run is running, paused, done, failed or cancelled."""

    kind: Literal["status_changed"] = "status_changed"
    status: Literal["running", "paused", "done", "failed", "cancelled"]
    reason: str = ""
    """Why, in a line."""


Event = Annotated[
    RunStarted
    | Surveyed
    | Completed
    | Screened
    | AttemptStarted
    | AttemptProgressed
    | AttemptEnded
    | Raced
    | GenerationEnded
    | Said
    | FeedbackGiven
    | Analysed
    | SearchEnded
    | Confirmed
    | StatusChanged,
    Field(discriminator="kind"),
]

EVENT: TypeAdapter[Event] = TypeAdapter(Event)
"""Reads and writes any event as JSON."""


class StoredEvent(Record):
    """An event with its place in the log."""

    id: int
    """Increasing; unique in the database."""
    time: float
    """Seconds since 1970 by the clock of the database."""
    event: Event
