"""What training and scoring one candidate on one seed gave, or the typed failure that it ended in."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rewardsmith.domain.record import Record

Gate = Literal["describe", "parse", "contract", "policy", "duplicate", "probe", "archive", "train"]

FailureKind = Literal[
    "unfilled",  # a description that does not fill the robot's template
    "no_code",  # no Python code in the completion
    "syntax",  # the code does not parse
    "truncated",  # the completion broke off in mid-code
    "too_large",  # more source than the cap
    "no_function",  # no compute_reward
    "signature",  # arguments, defaults or parameters against the contract
    "unknown_signal",  # an argument that is no signal
    "unknown_name",  # a name that nothing defines, such as self
    "memory",  # memory and MEMORY do not agree
    "return_value",  # not (total, dict of components)
    "forbidden_import",  # anything but numpy and math
    "forbidden_name",  # eval, open, np.random, dunder access, ...
    "forbidden_construct",  # class, global, while, ...
    "duplicate",  # the same reward as an earlier one
    "exception",  # raised while it ran
    "shape",  # total or component of another shape than (N,)
    "not_finite",  # NaN or infinity
    "too_large_value",  # above 1e6 in magnitude
    "constant",  # never varies on the probe
    "not_deterministic",  # two equal requests differ
    "batch_dependent",  # a row's answer depends on other rows
    "mutates_input",  # writes to the arrays that it was given
    "misranks",  # pays recorded episodes against their scores
    "timeout",  # no answer within the wall clock
    "died",  # the reward process ended
    "memory_limit",  # more memory than the limit
    "protocol",  # an answer that is no answer
    "worker_lost",  # its training alone ended several workers without a result
    "diverged",  # training broke down: the policy's weights stopped being finite
]


class Failure(Record):
    """Why a candidate did not get through: a fault of the candidate, in our own words."""

    gate: Gate
    """Stage that caught it."""
    kind: FailureKind
    """What kind of fault."""
    message: str = Field(max_length=600)
    """What is wrong and what to do about it; never the candidate's own text beyond names that it uses."""
    line: int | None = None
    """Line of the candidate's source, from 1."""


class Rung(Record):
    """The score at one rung: deterministic actions, frozen normalisation, held-out episodes."""

    steps: int
    """Environment steps trained so far."""
    scores: tuple[float, ...]
    """Score of each held-out episode."""
    mean: float
    """Mean of `scores`."""
    lengths: tuple[int, ...]
    """Steps of each held-out episode."""
    returns: tuple[float, ...] = ()
    """What the reward that was trained paid over each held-out episode, undiscounted."""
    success: float | None = None
    """Share of successful episodes, where the task has a `success(...)`."""


class ComponentPoint(Record):
    """One component (or the total) over one stretch of training."""

    steps: int
    """Environment steps at the end of the stretch."""
    mean: float
    """Mean per step."""
    std: float
    """Standard deviation per step."""
    low: float
    """Least value."""
    high: float
    """Greatest value."""
    share: float
    """Mean magnitude over the sum of all components' mean magnitudes, 0 to 1."""


class ComponentStatistics(Record):
    """How one component went over training, at about ten points."""

    name: str
    """Name of the component, or `total`."""
    points: tuple[ComponentPoint, ...]
    """In order of steps."""
    correlation: float | None = None
    """Pearson correlation of its episode sum with the episode's score over the held-out episodes of all rungs; absent
    where either never varies."""


class EpisodePoint(Record):
    """The training episodes that ended in one stretch of training."""

    steps: int
    """Environment steps at the end of the stretch."""
    episodes: int
    """How many ended."""
    mean_length: float | None
    """Their mean length in steps; absent when none ended."""


class Report(Record):
    """What training and scoring one reward on one seed gave."""

    version: Literal[1] = 1
    """Version of this record."""
    reward_id: str
    """Hash of the reward, or `human` or `sparse`."""
    seed: int
    """Seed of the training."""
    steps: int
    """Environment steps trained."""
    scoring_steps: int = 0
    """Environment steps spent on scoring."""
    wall_s: float
    """Wall time of the whole job in seconds."""
    steps_per_second: float
    """Training steps per second of training wall time, scoring left out."""
    rungs: tuple[Rung, ...] = ()
    """Score at each rung."""
    best_rung: int | None = None
    """Index of the rung with the highest mean score; its weights are kept."""
    final: Rung | None = None
    """The best rung's weights, played once more on the third set of episode seeds, which picked nothing; in the
    confirmation only."""
    components: tuple[ComponentStatistics, ...] = ()
    """Statistics of the total and of every component."""
    episodes: tuple[EpisodePoint, ...] = ()
    """Length of training episodes over time."""
    failure: Failure | None = None
    """Why it ended early, where it did."""
    worlds: int | None = Field(default=None, ge=1, le=4096)
    """Worlds that it trained in, where there was memory for fewer than the task asks for."""

    @property
    def scored(self) -> Rung | None:
        """What the score rests on: the final scoring where there was one, else the best rung; absent without a rung."""
        if self.final is not None or self.best_rung is None:
            return self.final
        return self.rungs[self.best_rung]

    @property
    def score(self) -> float | None:
        """Mean score of `scored`; absent where no rung was reached."""
        return None if self.scored is None else self.scored.mean
