"""A task: an environment, a description of what the agent should do, and a score rule."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

from pydantic import Field

from rewardsmith.domain.record import Record
from rewardsmith.domain.robot import Robot
from rewardsmith.errors import UnknownName, UsageError

Extra = Literal["robotics", "dm_control"]
"""Optional dependencies of rewardsmith that bring environments."""

PACKAGES: dict[Extra, str] = {
    "robotics": "gymnasium_robotics",
    "dm_control": "dm_control",
}
"""Package that each of them installs."""


class EnvironmentSpec(Record):
    """Which simulated environment, and how it is made."""

    id: str
    """Gymnasium id, such as `Ant-v5`."""
    kwargs: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of `gymnasium.make`."""
    horizon: int = Field(gt=0)
    """Steps after which an episode is truncated."""
    stock_reward: bool = True
    """Whether the environment's own reward is about this task, and so is the baseline `human`."""
    module: str | None = None
    """Python file in the task folder that registers the environment, such as `environment.py`."""
    simulator: Literal["gymnasium", "isaac_gym", "isaac_lab", "playground"] = "gymnasium"
    """What runs it."""
    interpreter: str | None = None
    """Interpreter that it runs in, by its name in `[interpreters]` of `sandbox.toml`; the worker's own when absent."""

    @property
    def label(self) -> str:
        """The id without the module that registers it."""
        return self.id.rpartition(":")[2]

    @property
    def foreign(self) -> str | None:
        """Name of the interpreter that it needs; other simulators than Gymnasium have one of their own name."""
        return self.interpreter or (None if self.simulator == "gymnasium" else self.simulator)


class SignalSpec(Record):
    """A signal that the task file names as data, beside those that the simulator's own names give."""

    source: Literal["observation", "info", "qpos", "qvel", "sensordata"]
    """Array of the environment from which it is cut."""
    index: int | tuple[int, ...] | None = None
    """Position, or positions, in the flattened source array; all of it when absent."""
    key: str | None = None
    """Entry of `info`, or of a Dict observation."""
    unit: str = ""
    """Physical unit, such as `m/s`; empty where it has none."""
    meaning: str
    """What it is, in one line."""


class ScoreRule(Record):
    """How well an episode went: the source of `score(...)`, and of `success(...)` and `sparse(...)` where given."""

    source: str
    """Python source of `score.py`."""
    unit: str = ""
    """Unit of the score; that of a `share` lies between 0 and 1."""
    meaning: str
    """What the score measures, in one line; it is shown to models."""
    target: float | None = None
    """A score at which the task counts as solved, where the field agrees on one."""


class Trainer(Record):
    """Which agent is trained, and with which settings."""

    algorithm: str
    """Class of Stable-Baselines3 or sb3-contrib, such as `stable_baselines3.PPO`."""
    policy: str = "MlpPolicy"
    """Policy class by its Stable-Baselines3 name."""
    environments: int = Field(default=16, gt=0, le=4096)
    """Environments stepped side by side."""
    normalize_observation: bool = True
    """Whether observations are scaled by running statistics."""
    normalize_reward: bool = True
    """Whether rewards are divided by the running deviation of their discounted sum."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of the class; `linear:X` for a number X means X times the remaining share of training."""
    source: str
    """Where the settings come from."""
    backend: str = "gymnasium"
    """What steps the environments while training: `gymnasium`, or `warp`; scores are Gymnasium's whatever trains."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where the environments of a backend are, and the agent that learns beside them."""
    gpus: float = Field(default=0.0, ge=0, le=64)
    """GPUs of one training; trainings whose fractions add up to one share one."""

    @property
    def worlds(self) -> str:
        """What it trains in, in words, such as `4096 worlds of warp on cuda`."""
        if self.backend == "gymnasium":
            return f"{self.environments} environments"
        return f"{self.environments} worlds of {self.backend} on {self.device}"


class Backend(Trainer):
    """The agent that is trained where another backend steps the environments."""

    gpus: float = Field(default=1.0, ge=0, le=64)
    """GPUs of one training on a GPU."""
    steps: dict[str, int] = Field(default_factory=dict)
    """Environment steps per training, by budget; those of the budget where absent."""


class Budget(Record):
    """How much training one run may spend."""

    steps: int = Field(gt=0)
    """Environment steps per training."""
    rungs: int = Field(default=5, gt=0, le=100)
    """Equal parts of a training; each ends with a checkpoint and a score."""
    k: int | None = Field(default=None, gt=0, le=256)
    """Most candidates per generation; the recipe's number where that is less, or when absent."""
    episodes: int = Field(default=10, gt=0, le=1000)
    """Held-out episodes per score."""
    leaders: int = Field(default=2, gt=0, le=20)
    """Best candidates of the search that are compared on fresh seeds."""
    compare_seeds: int = Field(default=2, gt=0, le=50)
    """Fresh seeds on which each leader is compared."""
    confirm_seeds: int = Field(default=5, gt=0, le=100)
    """Further seeds on which the winner alone is trained; they give the reported mean and interval."""
    baseline_seeds: int = Field(default=5, gt=0, le=100)
    """Seeds on which each baseline is trained: the first of the confirmation's."""


class Task(Record):
    """An environment, a description and a score rule, with trainer settings and budgets."""

    name: str
    """Name of the task: its folder's name."""
    base: str | None = None
    """Task that a request took the environment of, bringing the rest along; absent where the task is a folder."""
    title: str
    """A few words for a table."""
    description: str
    """What the agent should do, in one sentence; it is shown to models."""
    environment: EnvironmentSpec
    """The simulated environment."""
    score: ScoreRule
    """The measure F: per episode, higher is better."""
    trainer: Trainer
    """The agent that is trained."""
    budgets: dict[str, Budget]
    """By name: `quick`, `standard` and `full` in the shipped tasks."""
    backends: dict[str, Backend] = Field(default_factory=dict)
    """The trainers of other backends, by name; `on` takes one."""
    signals: dict[str, SignalSpec] = Field(default_factory=dict)
    """Signals named by the task file."""
    leave_out: tuple[str, ...] = ()
    """Names of signals that nobody needs, `*` for any characters: parts of the model that say nothing of the task."""
    view: str | None = None
    """The task's own text in place of the sliced source, from `view.md`."""
    robot: Robot | None = None
    """What a motion can be asked of its robot, from `robot.toml`; absent where nobody has written it."""
    extra: Extra | None = None
    """Optional dependencies that the environment needs: `pip install 'rewardsmith[<extra>]'`."""
    module_source: str | None = None
    """Source of `environment.module`, so that a job carries all it needs."""

    def on(self, backend: str | None, device: Literal["cpu", "cuda"] | None = None, worlds: int | None = None) -> Task:
        """This task with the trainer and the steps of a backend.

        Args:
            backend: Its name; absent: Gymnasium.
            device: Where its worlds are; a GPU when absent.
            worlds: How many; a rollout is cut into as many batches as the task's own number would be.

        Raises:
            UnknownName: The task has no such backend.
            UsageError: A device or worlds were named and no backend.
        """
        if backend in (None, "gymnasium"):
            if device is not None or worlds is not None:
                raise UsageError(
                    "--device and --worlds go with --backend: Gymnasium's environments run on the processor",
                    hint="such as --backend warp --device cpu",
                )
            return self
        if backend not in self.backends:
            raise UnknownName("backend", str(backend), ["gymnasium", *self.backends], where=f"task {self.name}")
        found = self.backends[backend]
        place, settings = device or "cuda", dict(found.settings)
        if worlds is not None and "batch_size" in settings:
            settings["batch_size"] = max(1, settings["batch_size"] * worlds // found.environments)
        given = {
            "backend": backend,
            "device": place,
            "gpus": found.gpus if place == "cuda" else 0.0,
            "environments": worlds or found.environments,
            "settings": settings,
        }
        budgets = {
            name: budget.model_copy(update={"steps": found.steps.get(name, budget.steps)})
            for name, budget in self.budgets.items()
        }
        trainer = Trainer(**found.model_dump(exclude={"steps", *given}), **given)
        return self.model_copy(update={"trainer": trainer, "budgets": budgets})

    @property
    def needs(self) -> str:
        """What it needs beside a worker: an extra of rewardsmith, or `interpreter <name>`; empty where nothing."""
        foreign = self.environment.foreign
        return f"interpreter {foreign}" if foreign else self.extra or ""

    @property
    def install(self) -> str:
        """The pip line of its extra, as pips before 23.3 take it too; empty where it needs none."""
        return f"pip install 'rewardsmith[{self.extra.replace('_', '-')}]'" if self.extra else ""

    def fingerprint(self) -> str:
        """Hash of what a survey depends on: environment, signals, score rule, view and module."""
        added = {"simulator": "gymnasium", "interpreter": None}
        plain = {name for name, usual in added.items() if getattr(self.environment, name) == usual}
        parts = self.model_dump_json(
            include={"environment", "score", "signals", "view", "module_source"}, exclude={"environment": plain}
        )
        parts += " ".join(self.leave_out)
        return hashlib.sha256(parts.encode()).hexdigest()[:16]
