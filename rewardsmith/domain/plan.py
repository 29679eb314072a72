"""What a run was asked to do, and what that was estimated to cost."""

from __future__ import annotations

from pathlib import PurePath
from typing import Literal

from pydantic import Field

from rewardsmith.domain.cluster import RaySpec
from rewardsmith.domain.example import Example
from rewardsmith.domain.record import Record
from rewardsmith.domain.task import Budget, Task

Baseline = Literal["human", "sparse"]


class StopSpec(Record):
    """When to stop before the last generation; absent means never."""

    wall_s: float | None = None
    """Seconds of wall time."""
    dollars: float | None = None
    """Money paid to providers; a call is made only where the most that it can cost is left."""
    tokens: int | None = None
    """Tokens of prompts and answers; a call is made only where the most that it can take is left."""
    steps: int | None = None
    """Environment steps of the whole run, scoring and confirmation too; never exceeded."""
    trainings: int | None = None
    """Trainings of the whole run, confirmation and baselines too; never exceeded."""
    target: float | None = None
    """Score of the best candidate."""
    stale: int | None = None
    """Generations without improvement."""
    file: str | None = None
    """A file whose existence stops the run."""


class RunSpec(Record):
    """What a run was asked to do. Frozen at its start, so that resuming needs nothing else."""

    version: Literal[1] = 1
    """Version of this record."""
    run: str
    """Name of the run and of its folder."""
    env: str = ""
    """The task as it was asked for: a name, or a folder; empty in runs of earlier versions."""
    task: Task
    """The task, whole."""
    budget_name: str
    """Name of the budget in the task file."""
    budget: Budget
    """The budget, with what the command line changed."""
    recipe: str
    """Name of the recipe."""
    recipe_files: dict[str, str]
    """The recipe's files by name, so that a resumed run does not change with the checkout."""
    model: str
    """Who completes prompts, such as `offline` or `openai:gpt-5`."""
    base_url: str | None = None
    """Address of an OpenAI-compatible server, where the model is one's own."""
    iterations: int = Field(gt=0)
    """Generations, those of every restart together."""
    k: int = Field(gt=0)
    """Candidates per generation."""
    seed: int = 0
    """Seed of everything that is drawn."""
    baselines: tuple[Baseline, ...] = ("human", "sparse")
    """Trained in the same run under the same budget."""
    deterministic: bool = False
    """Whether an interrupted run must end exactly as an undisturbed one."""
    race: bool = True
    """Whether trainings that can hardly lead any more are stopped early, where the recipe races."""
    start_reward: str | None = None
    """Source of a reward that a person wrote: it stands in for the first generation, and the next improves on it."""
    watcher: str | None = None
    """Who watches what the next generation improves on: `person`, or the name of a vision model; absent: nobody."""
    sandbox: str = "bubblewrap"
    """Sandbox of the workers."""
    executor: str = "local"
    """What starts its trainings."""
    ray: RaySpec | None = None
    """The cluster on which they run, for the executor `ray`."""
    artifacts: str | None = None
    """The depot through which the cluster's files travel, without a password; absent where they need none."""
    workers: int = Field(gt=0)
    """Trainings side by side."""
    stop: StopSpec = StopSpec()
    """When to stop early."""
    strict: bool = False
    """Refuse a recording whose prompts differ."""
    examples: tuple[Example, ...] = ()
    """Confirmed rewards of other tasks that its prompts show, the nearest first."""
    window: int | None = None
    """Tokens that a prompt and its answer may take together; absent where the model's window is not known."""
    record: str | None = None
    """Folder to which completions are recorded."""


class Plan(Record):
    """What a run is expected to take, at most."""

    leaders: int | None = None
    """Candidates that are compared on fresh seeds; 1: the best of the search is compared with nobody."""
    trainings: int
    """Trainings, baselines and confirmation included."""
    steps: int
    """Environment steps, scoring included."""
    completions: int
    """Calls of the model, one repair each included."""
    wall_s: float | None
    """Estimated seconds; absent when nothing was measured yet."""
    dollars: float | None
    """Estimated money; absent when the price is not known."""


def nameplate(models: str) -> str:
    """Names of models for a file that leaves this machine: of folders and recordings the last part, no path."""
    return ",".join(_nameplate(model) for model in models.split(","))


def _nameplate(model: str) -> str:
    kind, _, path = model.partition(":")
    return f"{kind}:{PurePath(path).name}" if kind in ("folder", "recorded") else model
