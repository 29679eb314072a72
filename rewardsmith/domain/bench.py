"""What a model makes of a fixed suite of tasks."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rewardsmith.domain.record import Record
from rewardsmith.domain.result import Interval


class Suite(Record):
    """What every model is asked alike. Another number of it is another suite: results of two are not compared."""

    number: int
    """Raised whenever anything below changes."""
    tasks: tuple[str, ...]
    """Tasks."""
    recipe: str
    """Recipe whose first prompt, and whose repair prompt, are asked."""
    repairs: int
    """Repairs at most."""


SUITE = Suite(number=1, tasks=("ant", "half_cheetah", "hopper", "reacher", "pendulum"), recipe="smith", repairs=1)
"""Locomotion with and without falls, reaching, and balance by swinging up."""


class Answer(Record):
    """One answer and what became of it."""

    task: str
    """Task that was asked about."""
    sample: int
    """Which of the answers to the same prompt, from 0."""
    valid: bool
    """Whether it is through the gates in the end."""
    repairs: int
    """Repairs that were asked for."""
    gate: str | None = None
    """Gate that the first answer failed at; absent where it passed at once."""
    kind: str | None = None
    """Kind of that fault."""
    reward: str | None = None
    """Hash of the reward, where it is valid."""
    alignment: float | None = None
    """Weighted Kendall's tau between pay and score of the survey's random, idle and reckless episodes; absent for what
    is not valid, fails on them, or where these have too few different scores."""
    score: float | None = None
    """Score of its training; absent where none was asked for, or it failed."""


class Share(Record):
    """A share with Wilson's 95 % interval."""

    count: int
    of: int
    low: float
    high: float


class BenchResult(Record):
    """What a model made of the suite."""

    version: Literal[1] = 1
    """Version of this record."""
    name: str
    """Name of the result: its folder's."""
    suite: Suite
    """What was asked."""
    model: str
    """Who was asked, as the command line names it."""
    served: tuple[str, ...] = ()
    """Who answered, as the provider names it."""
    samples: int = Field(gt=0)
    """Answers to each prompt."""
    steps: int | None = None
    """Environment steps of each training; absent where nothing was trained."""
    answers: tuple[Answer, ...]
    """By task and sample."""
    tokens: int
    """Tokens of all calls."""
    dollars: float
    """Money paid, as far as prices are known."""
    unpriced: int
    """Calls of unknown price."""
    made_with: str
    """Version of rewardsmith."""
    ended: str
    """When the last answer was there, in ISO 8601."""


class BenchRow(Record):
    """One task, or all of them."""

    task: str
    """Name of the task, or `all`."""
    valid: Share
    """Through the gates in the end."""
    at_once: Share
    """Through the gates without a repair."""
    repairs: float
    """Repairs per answer."""
    alignment: Interval | None
    """Mean over the valid answers."""
    score: Interval | None
    """Mean over the trained answers of one task; of all tasks there is none, since their units differ."""


class BenchDifference(Record):
    """One quantity against the same of an earlier result: this one's less the other's."""

    what: str
    """`valid`, `valid at once`, `repairs`, `alignment`, or `score TASK`."""
    ours: float
    theirs: float
    low: float | None
    """Lower end of the difference's 95 % interval (shares: Newcombe's; means: Welch's); absent for a single value."""
    high: float | None
    """Upper end."""


class BenchReport(Record):
    """`bench-model`."""

    result: BenchResult
    """What was measured."""
    rows: tuple[BenchRow, ...]
    """By task, and of all of them."""
    against: str | None = None
    """Name of the earlier result."""
    differences: tuple[BenchDifference, ...] = ()
    """From the earlier result."""
    file: str
    """Where the result lies."""
