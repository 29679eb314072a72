"""What a model is asked and what it answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from rewardsmith.domain.analysis import Analysis
from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.example import Example
from rewardsmith.domain.record import Record
from rewardsmith.domain.report import Failure, Report
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.domain.task import Task
from rewardsmith.domain.warning import RewardWarning
from rewardsmith.domain.watching import Remark

Role = Literal["describer", "designer", "repair", "watcher", "critic", "analyser"]


class Message(Record):
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    """Who speaks."""
    content: str
    """What is said."""
    images: tuple[str, ...] = ()
    """JPEG pictures that go with it, in base64."""


def prompt_hash(messages: Sequence[Message]) -> str:
    """Names rendered messages: 16 hex digits over who speaks, what is said, and the pictures where there are some."""
    said = json.dumps([[m.role, m.content, *m.images] for m in messages], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:16]


class CompletionKey(Record):
    """The place of one completion in a run; a recording is replayed by it."""

    generation: int
    """Turn of the loop, from 1."""
    role: Role
    """Which of the recipe's models is asked."""
    slot: int
    """Place in the generation, from 0."""
    call: int = 0
    """0 for the first call of this role in this slot, then 1, 2, ..."""


class Completion(Record):
    """What a model answered."""

    text: str
    """The answer."""
    model: str
    """Who answered, as the provider names it."""
    prompt_tokens: int = 0
    """Tokens of the messages, as the provider counts them; 0 where nothing is counted."""
    completion_tokens: int = 0
    """Tokens of the answer."""
    dollars: float | None = None
    """Price of the call; absent when it is not known."""
    wall_s: float = 0.0
    """Seconds until the answer was complete."""
    finish_reason: str = "stop"
    """Why it ended: `length` when it was cut off."""
    author: str | None = None
    """Which of several models was asked, as the command line names it; absent where a run has but one."""
    parents: tuple[str, ...] | None = None
    """Candidate ids that it was made from, where its author knows; absent: those that the request named."""
    recorded_hash: str | None = None
    """When replayed from a recording whose prompt differs: the recorded prompt's hash."""


class Turn(Record):
    """One candidate of an earlier generation with what became of it."""

    candidate: Candidate
    """The candidate."""
    report: Report | None = None
    """What training it gave; absent when it never trained."""
    reply: str | None = None
    """The completion that it came from, verbatim, where that is at hand; prompts fall back to the source."""
    description: str | None = None
    """The description of the motion that it came from, where one is at hand."""
    stopped: bool = False
    """Whether its training was stopped early: its score is of fewer steps."""
    warnings: tuple[RewardWarning, ...] = ()
    """Signs that it is hacked."""
    analysis: Analysis | None = None
    """What the trajectory analyser read in its archived episodes, where it was asked."""

    @property
    def score(self) -> float | None:
        """The score that selection goes by; absent for a candidate that failed."""
        return self.report.score if self.report and not self.report.failure else None


def champions(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """The turns without what a relative outdoes: of a candidate and its tuned children the best one stays.

    What was trained to its end outdoes what was stopped early, whatever their scores.
    """
    leading: dict[str, Turn] = {}
    for turn in turns:
        name = turn.candidate.structure
        if name not in leading or _standing(turn) > _standing(leading[name]):
            leading[name] = turn
    return tuple(turn for turn in turns if leading[turn.candidate.structure] is turn)


def _standing(turn: Turn) -> tuple[bool, bool, float]:
    return turn.score is not None, not turn.stopped, turn.score or 0.0


@dataclass(frozen=True)
class Context:
    """What the messages were rendered from, frozen: the offline author reads this, language models the messages."""

    task: Task
    survey: Survey
    probe: Probe
    history: tuple[Turn, ...]
    """Every earlier candidate of the run, in order of generation and slot."""
    parents: tuple[Turn, ...]
    """The candidates that this one is asked to improve on, or whose components it is to combine where there are two;
    empty in the first generation."""
    seed: int
    """Seed of the run."""
    k: int
    """Candidates per generation."""
    since: int = 1
    """First generation that the prompt tells of; later than 1 after a fresh restart from the best."""
    chain: tuple[Turn, ...] = ()
    """For a describer: the parent and what it came from, oldest first, each with its description."""
    motion: str = ""
    """For the designer after a describer: what it described."""
    said: tuple[Remark, ...] = ()
    """What was said by those who watched, in order of generation."""
    examples: tuple[Example, ...] = ()
    """Confirmed rewards of other tasks, the nearest first."""
    cut: tuple[str, ...] = ()
    """What was left out so that the prompt fits the model's window, in a few words each."""
    rejected: tuple[str, Failure] | None = None
    """For a repair: the source (or the raw answer) and what is wrong with it."""


@dataclass(frozen=True)
class Request:
    """One call of a model."""

    key: CompletionKey
    messages: tuple[Message, ...]
    context: Context
    temperature: float = 1.0
    max_tokens: int = 4096


class Usage(Record):
    """What a run has spent."""

    trainings: int = Field(default=0)
    """Trainings that ended with a result."""
    steps: int = Field(default=0)
    """Environment steps, scoring too."""
    tokens: int = Field(default=0)
    """Tokens, prompts and answers together."""
    dollars: float = Field(default=0.0)
    """Money paid to providers, as far as prices are known."""
    unpriced: int = Field(default=0)
    """Calls of unknown price: `dollars` counts each as 0."""
    wall_s: float = Field(default=0.0)
    """Seconds in which some process drove the run."""
