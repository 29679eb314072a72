"""What a person asks for: where things lie, and what to evolve."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rewardsmith.domain.cluster import RaySpec
from rewardsmith.domain.plan import Baseline, StopSpec
from rewardsmith.domain.task import Task

DEFAULT_SANDBOX = "bubblewrap"
DEFAULT_EXECUTOR = "local"


@dataclass(frozen=True)
class Settings:
    """Where things lie and how workers run."""

    runs: Path = Path("runs")
    """Folder of runs, surveys and the database."""
    database: str | None = None
    """URL of the database; `rewardsmith.db` in `runs` when absent."""
    artifacts: str | None = None
    """Address of fsspec's where the finished files of all hosts' runs lie; in `runs` alone when absent."""
    sandbox: str | None = None
    """Sandbox of the workers; `bubblewrap` for what is new when absent, its own for a run that is resumed."""
    unsafe: bool = False
    """Let reward processes run without Landlock and seccomp where the machine has none."""
    workers: int | None = None
    """Trainings side by side; one per core when absent, or as many as the cluster holds."""
    executor: str | None = None
    """What trains: `local` for what is new when absent, its own for a run that is resumed."""
    ray: RaySpec | None = None
    """The cluster, for the executor `ray`; likewise."""
    envs: Path | None = None
    """A folder of tasks that lies over `./envs` and the shipped ones."""
    prompts: Path | None = None
    """The same for recipes."""
    sandboxes: Path | None = None
    """The same for sandboxes."""


@dataclass(frozen=True)
class EvolveRequest:
    """What a person asks of `evolve`; absent values are the recipe's or the budget's."""

    env: str
    recipe: str = "smith"
    changes: tuple[str, ...] = ()
    model: str | None = None
    budget: str = "standard"
    iterations: int | None = None
    k: int | None = None
    steps: int | None = None
    seed: int = 0
    baselines: tuple[Baseline, ...] = ("human", "sparse")
    deterministic: bool = False
    race: bool = True
    name: str | None = None
    stop: StopSpec = field(default_factory=StopSpec)
    strict: bool = False
    record: str | None = None
    base_url: str | None = None
    task: Task | None = None
    """A task that lies in no folder; `env` names the one whose environment it has."""
    start_reward: str | None = None
    """File of a reward in the contract; see `RunSpec.start_reward`."""
    backend: str | None = None
    """What steps the environments while training; see `Task.on`."""
    device: Literal["cpu", "cuda"] | None = None
    """Where they are, with a backend; a GPU when absent."""
    worlds: int | None = None
    """How many, with a backend; the task's number when absent."""
    watcher: str | None = None
    """`person`, or a vision model; see `RunSpec.watcher`."""
