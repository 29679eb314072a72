"""A run, folded from its events."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field

from rewardsmith.domain.analysis import Analysis
from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.events import (
    Analysed,
    Attempt,
    AttemptEnded,
    AttemptProgressed,
    AttemptStarted,
    Completed,
    Confirmed,
    FeedbackGiven,
    GenerationEnded,
    Raced,
    RunStarted,
    Said,
    Screened,
    SearchEnded,
    StatusChanged,
    StoredEvent,
    Surveyed,
)
from rewardsmith.domain.job import Progress
from rewardsmith.domain.plan import Plan, RunSpec
from rewardsmith.domain.prompt import Turn, Usage
from rewardsmith.domain.report import Failure, Report
from rewardsmith.domain.result import Status
from rewardsmith.domain.task import ScoreRule
from rewardsmith.domain.warning import RewardWarning
from rewardsmith.domain.watching import Remark

ENDED = ("done", "failed", "cancelled")
"""States that a run never leaves."""


@dataclass
class Run:
    """The state of one run. `apply` is the only thing that changes it."""

    spec: RunSpec | None = None
    plan: Plan | None = None
    status: Status = "queued"
    reason: str = ""
    surveyed: Surveyed | None = None
    completions: list[Completed] = field(default_factory=list)
    candidates: dict[str, Candidate] = field(default_factory=dict)
    """By candidate id."""
    reports: dict[tuple[str, str, int], Report] = field(default_factory=dict)
    """By (purpose, subject, seed)."""
    finished: dict[tuple[str, str, int], Attempt] = field(default_factory=dict)
    """The attempt that gave each report, by key."""
    paused: dict[tuple[str, str, int], Report] = field(default_factory=dict)
    """What trainings that were paused at a rung gave so far, by key; gone once there is a report."""
    raced: dict[str, Raced] = field(default_factory=dict)
    """The last decision on each candidate that was paused, by id."""
    open: dict[tuple[str, str, int], Attempt] = field(default_factory=dict)
    """Attempts that were started and have not ended, by key."""
    tries: dict[tuple[str, str, int], int] = field(default_factory=dict)
    """How many attempts ended before their training did, by key."""
    lost: dict[tuple[str, str, int], int] = field(default_factory=dict)
    """How many of them were lost, not stopped on purpose, by key."""
    progress: dict[tuple[str, str, int], Progress] = field(default_factory=dict)
    """Of open attempts."""
    generations: dict[int, GenerationEnded] = field(default_factory=dict)
    warnings: dict[str, tuple[RewardWarning, ...]] = field(default_factory=dict)
    """Signs of reward hacking, by candidate id; see `warned`."""
    said: dict[int, Remark] = field(default_factory=dict)
    """What those said who were asked, by the generation after which it was said."""
    feedback: dict[int, FeedbackGiven] = field(default_factory=dict)
    """Words that came unasked and are no remark yet, by event."""
    heard: list[Remark] = field(default_factory=list)
    """Remarks that they became."""
    analyses: dict[str, Analysis] = field(default_factory=dict)
    """What the trajectory analyser read in a candidate's training, by candidate id."""
    search_ended: SearchEnded | None = None
    confirmed: Confirmed | None = None
    wall_s: float = 0.0
    """Seconds in which some process drove the run."""
    last_event: int = 0
    started: float = 0.0
    """Time of the first event."""
    updated: float = 0.0
    """Time of the last event but for feedback."""

    @classmethod
    def fold(cls, events: Iterable[StoredEvent]) -> Run:
        """The run that these events tell of."""
        run = cls()
        for event in events:
            run.apply(event)
        return run

    def copy(self) -> Run:
        """Another of the same state, which goes its own way."""
        other = copy(self)
        for name, held in vars(self).items():
            if isinstance(held, dict | list):
                setattr(other, name, held.copy())
        return other

    def apply(self, stored: StoredEvent) -> None:
        """Take one event into account."""
        self.last_event = max(self.last_event, stored.id)
        if isinstance(stored.event, FeedbackGiven):  # whoever drives the run reads it later than its place in the log
            self.feedback[stored.id] = stored.event
            return
        driven = not isinstance(stored.event, RunStarted | Said) and getattr(stored.event, "status", None) != "running"
        if driven:
            self.wall_s += max(0.0, stored.time - self.updated)
        self.updated = stored.time
        self.started = self.started or stored.time
        match stored.event:
            case RunStarted(spec=spec, plan=plan):
                self.spec, self.plan = spec, plan
            case Surveyed() as surveyed:
                self.surveyed = surveyed
            case Completed() as completed:
                self.completions.append(completed)
            case Screened(candidate=candidate):
                self.candidates[candidate.id] = candidate
            case AttemptStarted(attempt=attempt):
                self.open[attempt.key] = attempt
            case AttemptProgressed(attempt=attempt, progress=progress):
                if attempt.key in self.open:
                    self.progress[attempt.key] = progress
            case AttemptEnded(attempt=attempt, report=report, stopped=stopped):
                self.open.pop(attempt.key, None)
                self.progress.pop(attempt.key, None)
                self._end(attempt, report, stopped=stopped)
            case Raced() as raced:
                self._race(raced)
            case GenerationEnded() as ended:
                self.generations[ended.generation] = ended
                self.warnings.update(ended.warnings)
            case Said(remark=remark, feedback=feedback):
                self._hear(remark, feedback)
            case Analysed(candidate=candidate_id, analysis=analysis):
                self.analyses[candidate_id] = analysis
            case SearchEnded() as search_ended:
                self.search_ended = search_ended
            case Confirmed() as confirmed:
                self.confirmed = confirmed
            case StatusChanged(status=status, reason=reason):
                self.status, self.reason = status, reason

    def _hear(self, remark: Remark, feedback: tuple[int, ...]) -> None:
        if not feedback:
            self.said[remark.generation] = remark
            return
        self.heard.append(remark)
        for event in feedback:
            self.feedback.pop(event, None)

    def _end(self, attempt: Attempt, report: Report | None, *, stopped: bool) -> None:
        key = attempt.key
        if report is not None and (attempt.until is None or report.failure is not None):
            self.paused.pop(key, None)
            self.reports[key], self.finished[key] = report, attempt
            return
        self.tries[key] = self.tries.get(key, 0) + 1
        if report is not None:
            self.paused[key], self.finished[key] = report, attempt
        else:
            self.lost[key] = self.lost.get(key, 0) + (not stopped)

    def _race(self, raced: Raced) -> None:
        assert self.spec is not None
        self.raced[raced.candidate] = raced
        key = ("search", raced.candidate, self.spec.seed)
        if not raced.goes_on:
            self.reports[key] = self.paused.pop(key)

    def turns(self) -> tuple[Turn, ...]:
        """Every candidate with its report, in order of generation and slot; a duplicate has its twin's report."""
        assert self.spec is not None
        ordered = sorted(self.candidates.values(), key=lambda c: (c.generation, c.slot))
        return tuple(
            Turn(candidate=c, report=self.search_report(c), stopped=self.stopped(c), warnings=self.warned(c))
            for c in ordered
        )

    def remarks(self) -> tuple[Remark, ...]:
        """Everything that was said, in order of generation; within one, who was asked before who was not."""
        return tuple(sorted((*self.said.values(), *self.heard), key=lambda remark: remark.generation))

    def begun(self) -> int:
        """The last generation that anything was written for; 0 where none was."""
        asked = {each.key.generation for each in self.completions if each.key.role != "watcher"}
        return max(asked | {candidate.generation for candidate in self.candidates.values()}, default=0)

    def failure_of(self, candidate: Candidate) -> Failure | None:
        """What kept a candidate from training, or what its training, or its twin's, failed of."""
        report = self.search_report(candidate)
        return candidate.failure or (report.failure if report else None)

    def search_report(self, candidate: Candidate) -> Report | None:
        """What the search's training of `candidate`, or of its twin, gave, so far where it is paused."""
        assert self.spec is not None
        key = ("search", candidate.twin or candidate.id, self.spec.seed)
        return self.reports.get(key) or self.paused.get(key)

    def reached(self, key: tuple[str, str, int], until: int | None) -> Report | None:
        """The report of a training that ended, or came at least `until` rungs far."""
        paused = self.paused.get(key)
        far = paused is not None and until is not None and len(paused.rungs) >= until
        return self.reports.get(key) or (paused if far else None)

    def stopped(self, candidate: Candidate) -> bool:
        """Whether the training of `candidate`, or of its twin, has not been seen through to its end."""
        assert self.spec is not None
        name = candidate.twin or candidate.id
        raced = self.raced.get(name)
        return ("search", name, self.spec.seed) in self.paused or (raced is not None and not raced.goes_on)

    def warned(self, candidate: Candidate) -> tuple[RewardWarning, ...]:
        """Signs that `candidate`, or its twin, is hacked; none before its generation has ended."""
        return self.warnings.get(candidate.twin or candidate.id, ())

    @property
    def rule(self) -> ScoreRule | None:
        """How episodes of its task are scored."""
        return self.spec.task.score if self.spec else None

    def scores(self, purpose: str, subject: str) -> list[float]:
        """Scores of one subject over the seeds of one purpose, in order of seeds; failures are left out."""
        found = sorted((k, r) for k, r in self.reports.items() if k[:2] == (purpose, subject))
        return [r.score for _, r in found if r.score is not None and r.failure is None]

    def failures(self, purpose: str, subject: str) -> int:
        """Seeds of one purpose on which the training failed."""
        return sum(key[:2] == (purpose, subject) and report.failure is not None for key, report in self.reports.items())

    def usage(self) -> Usage:
        """What the run has spent so far."""
        return Usage(
            trainings=len(self.reports) + len(self.paused),
            steps=sum(r.steps + r.scoring_steps for r in (*self.reports.values(), *self.paused.values())),
            tokens=sum(c.tokens for c in self.completions),
            dollars=sum(c.dollars or 0.0 for c in self.completions),
            unpriced=sum(c.dollars is None for c in self.completions),
            wall_s=self.wall_s,
        )
