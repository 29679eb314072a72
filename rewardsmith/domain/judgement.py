"""A judgement: what recorded episodes say about a reward before anything is trained on it."""

from __future__ import annotations

from pydantic import Field

from rewardsmith.domain.record import Record
from rewardsmith.domain.report import Failure


class Judgement(Record):
    """How a reward pays the run's archived episodes, beside their scores."""

    episodes: int = Field(default=0, ge=0)
    """Episodes that it was judged on."""
    unread: int = Field(default=0, ge=0)
    """Archives that were left out: they are damaged, or of another version of the task."""
    correlation: float | None = Field(default=None, ge=-1, le=1)
    """Weighted rank correlation of what it pays an episode with the episode's score; absent without a judgement."""
    separation: dict[int, float] = Field(default_factory=dict)
    """By generation whose episodes differ clearly in score: the share of pairs of one of its best and one of its worst
    episodes in which the best is paid more."""
    idle: float | None = None
    """How far an idle agent gets from what random actions are paid (0) to what the best episodes are paid (1); absent
    where the best are paid no more."""
    threshold: float | None = None
    """Correlation below which this run doubts a reward; absent where too few are trained."""
    idle_threshold: float | None = None
    """`idle` above which this run doubts a reward; absent where too few are trained."""
    without: str = ""
    """Why there is no judgement, in a line; empty where there is one."""
    doubt: Failure | None = None
    """What speaks against training it before others; absent where nothing does."""

    @property
    def doubtful(self) -> bool:
        """Whether it waits until all others of its generation have trained."""
        return self.doubt is not None


class Calibration(Record):
    """How well the archive's judgements foretold the scores of a run."""

    judged: int
    """Candidates that were judged before they trained, duplicates left out."""
    without: int
    """Candidates that the archive could not judge: of the first generation, at least."""
    trained: int
    """Of those that were judged, how many have a score."""
    pairs: int
    """Pairs of these in one generation whose scores differ."""
    correlation: float | None
    """Over these pairs, how well the order of the judgements is that of the scores: 1 always, 0 as by chance, -1 never;
    null without pairs."""
    doubtful: int
    """Candidates in doubt, trained last."""
    doubtful_trained: int
    """Of these, how many have a score."""
    doubtful_better: int
    """Of these, how many scored above the median of the judged of their generation: wrongly doubted."""
    repaired: int
    """Candidates that were repaired with what the archive said, and stand repaired."""
    unread: int
    """Archives that were left out: damaged, or of another version of the task."""
