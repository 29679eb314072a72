"""What is asked of the service, and what it answers where no command prints the same."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from rewardsmith.domain.candidate import Candidate, Origin
from rewardsmith.domain.inline import InlineTask, Name, Words
from rewardsmith.domain.plan import Baseline
from rewardsmith.domain.record import Record
from rewardsmith.domain.result import RunSummary, ScreenFailure, Status
from rewardsmith.domain.run import Run

MOST = {"iterations": 1000, "k": 256, "steps": 10**12}
"""The most that one run may be asked for, by whichever door."""

Count = Annotated[int, Field(strict=True, ge=1, le=MOST["steps"])]


def _form(task: object) -> str:
    return "task-name" if isinstance(task, str) else "task-inline"


_MODEL = r"^[A-Za-z0-9][A-Za-z0-9._:@+=,-]*(/[A-Za-z0-9._:@+=,-]+)*$"
"""No blank, no control character, no `//`: some providers take a URL for a name, and would have the server ask it."""


class Limits(Record):
    """When to stop before the last generation; absent means never. See `StopSpec`."""

    wall_s: float | None = Field(default=None, gt=0)
    """Seconds of wall time."""
    dollars: float | None = Field(default=None, ge=0)
    """Money paid to providers; never exceeded."""
    tokens: Count | None = None
    """Tokens of prompts and answers; never exceeded."""
    steps: Count | None = None
    """Environment steps of the whole run; never exceeded."""
    trainings: Count | None = None
    """Trainings of the whole run; never exceeded."""
    target: float | None = None
    """Score of the best candidate."""
    stale: Count | None = None
    """Generations without improvement."""


class RunRequest(Record):
    """A run to be made; absent values are the recipe's or the budget's."""

    task: Annotated[Annotated[Name, Tag("task-name")] | Annotated[InlineTask, Tag("task-inline")], Discriminator(_form)]
    """Name of a task that the server knows, or a task of one's own in the environment of one."""
    recipe: Name = "smith"
    """Name of a recipe that the server knows."""
    model: str | None = Field(default=None, max_length=200, pattern=_MODEL)
    """Who writes: `offline` (the default), `openai:NAME`, `litellm:PROVIDER/NAME`, or a plug-in's name; no URL."""
    budget: Name = "standard"
    """Name of a budget in the task file."""
    iters: int | None = Field(default=None, strict=True, ge=1, le=MOST["iterations"])
    """Generations."""
    k: int | None = Field(default=None, strict=True, ge=1, le=MOST["k"])
    """Candidates per generation."""
    steps: Count | None = None
    """Environment steps per training."""
    backend: Name | None = None
    """What steps the environments while training, such as `warp`; Gymnasium when absent."""
    device: Literal["cpu", "cuda"] | None = None
    """Where a backend runs; a GPU when absent."""
    worlds: int | None = Field(default=None, strict=True, ge=1, le=4096)
    """Worlds of a backend; the task's when absent."""
    seed: int = Field(default=0, strict=True, ge=0, le=10**9)
    """Seed of everything."""
    baselines: tuple[Baseline, ...] = ("human", "sparse")
    """Trained beside the search under the same budget."""
    deterministic: bool = Field(default=False, strict=True)
    """End the same whether or not it is interrupted."""
    race: bool = Field(default=True, strict=True)
    """Whether trainings that can hardly lead any more are stopped early, where the recipe races."""
    name: Name | None = None
    """Name of the run; task, date, time and a few digits when absent."""
    stop: Limits = Limits()
    """When to stop early."""


class FeedbackRequest(Record):
    """A person's words about a run."""

    text: Words = Field(max_length=1000)
    """What was seen, or is to change."""
    candidate: str | None = Field(default=None, pattern=r"^g[0-9]{1,6}c[0-9]{2,6}$")
    """Whom it is about; absent: whatever the next generation improves on."""


class RunTicket(Record):
    """A run by its id, and where it stands."""

    id: str
    """Name of the run."""
    status: Status
    """Where it stands."""


class FeedbackTicket(RunTicket):
    """A run, and who is told of what was said."""

    event: int
    """The event that holds the words."""
    told: int | None
    """The first generation whose prompts tell of them, if anything has a score by then; null where none is left."""


class CandidateSummary(Record):
    """One candidate of a run, without its code."""

    id: str
    """Its place in the run, such as `g2c05`."""
    generation: int
    """Turn of the loop."""
    origin: Origin
    """How it came to be."""
    parents: tuple[str, ...]
    """Candidates that it was made from."""
    twin: str | None
    """An earlier candidate with the same reward, whose result it takes."""
    score: float | None
    """What the search measured; null when it was never scored."""
    failure: ScreenFailure | None
    """What kept it from training, or what its training failed of."""

    @classmethod
    def of(cls, run: Run, candidate: Candidate) -> CandidateSummary:
        """A candidate of this run."""
        report = run.search_report(candidate)
        failure = run.failure_of(candidate)
        return cls(
            id=candidate.id,
            generation=candidate.generation,
            origin=candidate.origin,
            parents=candidate.parents,
            twin=candidate.twin,
            score=report.score if report and report.failure is None else None,
            failure=ScreenFailure(kind=failure.kind, line=failure.line, message=failure.message) if failure else None,
        )


class Problem(Record):
    """What went wrong, as `application/problem+json` (RFC 9457)."""

    type: str
    """Names the kind of problem; never changes."""
    title: str
    """The kind in words."""
    status: int
    """HTTP status."""
    detail: str
    """What happened."""
    remedy: str = ""
    """What to do next."""
    field: str | None = None
    """Where in the request, such as `stop.dollars`."""
    near: tuple[str, ...] = ()
    """The nearest names that there are."""
    wait_s: int | None = None
    """Seconds after which asking again may help; sent as `Retry-After` too."""


class RunPage(Record):
    """Some runs, the newest first."""

    runs: tuple[RunSummary, ...]
    """A line for each."""
    next: str | None
    """The cursor of the next page; null on the last."""


class ServeResult(Record):
    """`serve`, once it listens."""

    url: str
    """Where it is reached, from this machine."""
