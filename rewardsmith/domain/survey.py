"""What running the real environment once told us."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rewardsmith.domain.record import Record

Dtype = Literal["float64", "bool", "int64"]

ARCHIVED = {
    "__lengths__": "int64",
    "__scores__": "float64",
    "__success__": "int8",
    "__terminated__": "bool",
    "__steps__": "int64",
}
"""Arrays with an entry per episode that an archive of scored episodes holds beside its rows, with their types."""
SourcePath = Annotated[str, Field(pattern=r"^/.+\.(py|so|xml)$", max_length=4096)]
"""Absolute path of a module or of a model."""


class Signal(Record):
    """A named, shaped, unit-carrying quantity that a reward may read."""

    name: str
    """Name of the argument that receives it."""
    shape: tuple[int, ...]
    """Shape of one row: () for a number, (3,) for a vector."""
    dtype: Dtype = "float64"
    """Type of the array."""
    unit: str = ""
    """Physical unit; empty where it has none."""
    meaning: str
    """What it is, in one line."""
    reader: str
    """How it is read: kind and address, such as `body:torso:position` (see `rewardsmith.export.signals`)."""
    mean: tuple[float, ...] = ()
    """Mean of each flattened entry under random actions."""
    std: tuple[float, ...] = ()
    """Standard deviation of each flattened entry under random actions."""
    low: tuple[float, ...] = ()
    """Least value of each flattened entry under random actions."""
    high: tuple[float, ...] = ()
    """Greatest value of each flattened entry under random actions."""


class RecordedEpisode(Record):
    """One recorded episode, with what the score rule gave it."""

    length: int
    """Steps until termination or truncation."""
    score: float
    """Score of the episode."""
    success: bool | None = None
    """Verdict of `success(...)`, where the task has one."""
    terminated: bool
    """True if the episode ended by itself, before the horizon."""


class ExtremeEpisode(RecordedEpisode):
    """One episode of a policy that nobody has to train."""

    policy: Literal["idle", "reckless"]
    """`idle`: no action, or the nearest to it; `reckless`: every entry at one of its bounds, arbitrarily."""


class Survey(Record):
    """What running the real environment once told us."""

    version: Literal[2] = 2
    """Version of this record."""
    task: str
    """Name of the task."""
    fingerprint: str
    """Hash of everything that the survey depends on."""
    signals: tuple[Signal, ...]
    """Every signal, `prev_` forms not listed."""
    view: str
    """Source of the environment without its reward, or the task's own `view.md`."""
    dropped_info: tuple[str, ...] = ()
    """`info` entries that are no signals, because the environment's reward computed them."""
    dt: float
    """Seconds of simulated time per step."""
    horizon: int
    """Steps after which an episode is truncated."""
    action_low: tuple[float, ...] = ()
    """Lower bounds of a continuous action; empty for a discrete one."""
    action_high: tuple[float, ...] = ()
    """Upper bounds of a continuous action; empty for a discrete one."""
    episodes: tuple[RecordedEpisode, ...]
    """Random episodes, in the order of the probe's rows."""
    extremes: tuple[ExtremeEpisode, ...] = ()
    """Idle and reckless episodes, in the order of the rows of the probe's `extremes`."""
    steps_per_second: float
    """Raw steps of one environment per second of wall time, on the machine of the survey."""
    versions: dict[str, str] = Field(default_factory=dict)
    """Versions of the simulator and its libraries."""
    origins: dict[SourcePath, str] = Field(default_factory=dict, max_length=1000)
    """SHA-256 of the files that the environment comes from, by path: those that may change without a version."""
    sparse_kind: Literal["rule", "terminal"] = "terminal"
    """`rule`: the task has a `sparse(...)` of its own; `terminal`: the score is paid at the episode's end."""

    def signal(self, name: str) -> Signal:
        """The signal called `name`; `prev_` forms resolve to their base. Raises KeyError."""
        base = name.removeprefix("prev_") if name not in self.names() else name
        for signal in self.signals:
            if signal.name == base:
                return signal
        raise KeyError(name)

    def by_name(self) -> dict[str, Signal]:
        """Every signal, `prev_` forms left out."""
        return {signal.name: signal for signal in self.signals}

    def names(self) -> tuple[str, ...]:
        """Names of all signals, without `prev_` forms."""
        return tuple(signal.name for signal in self.signals)

    def random_score(self) -> float:
        """Mean score of the random episodes: the baseline `random`."""
        return float(np.mean([episode.score for episode in self.episodes]))


@dataclass(frozen=True)
class Probe:
    """Recorded transitions, row after row in the order of their episodes: of a survey, those of its random ones."""

    arrays: Mapping[str, npt.NDArray[np.generic]]
    """By signal: shape (rows, ...), in the signal's dtype; archived rows have float32 for float64."""
    starts: npt.NDArray[np.bool_]
    """Shape (rows,): true on the first step of each episode."""
    extremes: Probe | None = None
    """Those of the survey's idle and reckless episodes, where it has any."""
    _bounds: list[tuple[int, int]] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Find the rows of each episode."""
        first = [int(i) for i in np.flatnonzero(self.starts)]
        self._bounds.extend(zip(first, [*first[1:], len(self.starts)], strict=True))

    def episodes(self) -> Iterator[slice]:
        """The rows of each episode, in order."""
        return (slice(a, b) for a, b in self._bounds)

    def only(self, chosen: Iterable[int]) -> Probe:
        """Some of the episodes, by their places in increasing order; no extremes."""
        episodes = list(self.episodes())
        rows = np.concatenate([np.arange(episodes[i].start, episodes[i].stop) for i in chosen])
        return Probe({name: array[rows] for name, array in self.arrays.items()}, self.starts[rows])

    def sums(self, column: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The sum of a column, shape (rows,), over each episode, shape (episodes,)."""
        return np.array([column[each].sum() for each in self.episodes()])
