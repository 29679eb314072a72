"""Whether a reward pays recorded episodes as the score ranks them. Pure: no process, no disk.

The order by pay and the order by score are compared with a weighted Kendall's tau (Vigna 2015, "A weighted correlation
index for rankings with ties", hyperbolic weights), in which the places at the top of either order count most: what a
reward pays best is what an agent will look for. Beside it stands what can be had for doing nothing: how far an idle
agent gets from what random actions are paid to what the best episodes are paid, whatever the reward's scale and offset.

There are no fixed thresholds. Rewards that train well need not rank well, and how well they do differs from task to
task: a reward is in doubt when it lies below the least of the better half of this run's trained rewards by more than
these differ among themselves, all measured on the same episodes, each without those that its own training left. So
none of the run's better rewards would have been in doubt. Were the margin left out, this would be a conformal test
(Vovk, Gammerman and Shafer 2005, "Algorithmic Learning in a Random World"), which doubts a reward like the m good ones
with a chance of 1 / (m + 1); with it the chance is smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rewardsmith.search.suspicion import CLEARLY, superiority

FEWEST_EPISODES = 10
FEWEST_SCORES = 5
"""Distinct scores below which an order says nothing."""
FEWEST_TRAINED = 8
"""Trained rewards from which on bounds are learnt: the better half of them are four."""
END = 0.2
"""Share of the episodes that are called the best, and the worst."""
EARLY = 0.5
"""Share of the horizon before which an episode that ends by itself ends early."""
TRAINED = "trained"

_FEWEST_ENDS = 3

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Episodes:
    """Recorded episodes, without their rows; each array has shape (episodes,)."""

    scores: FloatArray
    lengths: npt.NDArray[np.int64]
    early: npt.NDArray[np.bool_]
    """Whether it ended by itself in the first half of the horizon."""
    generations: npt.NDArray[np.int64]
    """Of the training that left it; 0: of the survey."""
    players: tuple[str, ...]
    """`random`, `idle`, `reckless` or `trained`."""
    owners: tuple[str, ...]
    """Id of the candidate whose training left it; empty: of the survey."""

    @property
    def trained(self) -> npt.NDArray[np.bool_]:
        """Which a trained agent played."""
        return np.array([player == TRAINED for player in self.players], dtype=bool)

    def only(self, chosen: npt.NDArray[np.bool_]) -> Episodes:
        """Some of them."""
        places = np.flatnonzero(chosen)
        return Episodes(
            self.scores[places],
            self.lengths[places],
            self.early[places],
            self.generations[places],
            tuple(self.players[i] for i in places),
            tuple(self.owners[i] for i in places),
        )

    def best(self) -> npt.NDArray[np.int64]:
        """Places of those of trained agents that score best."""
        return ends(self.scores, np.flatnonzero(self.trained))[1]


def one_sided(episodes: Episodes) -> str:
    """Why no reward can be judged on these episodes; empty where one can.

    Untrained agents alone are no measure: where none of them does the task, a reward that pays for standing upright is
    as good a start as any.
    """
    trained = int(episodes.trained.sum())
    if trained < _FEWEST_ENDS:
        return f"trainings of earlier generations have left {trained} episodes"
    if len(episodes.scores) < FEWEST_EPISODES:
        return f"there are {len(episodes.scores)} recorded episodes, and {FEWEST_EPISODES} are the least"
    distinct = len(np.unique(episodes.scores))
    if distinct < FEWEST_SCORES:
        return f"the {len(episodes.scores)} recorded episodes have {distinct} different score(s)"
    untrained = episodes.scores[~episodes.trained]
    if len(untrained) and superiority(episodes.scores[episodes.best()].tolist(), untrained.tolist()) < CLEARLY:
        return "no trained agent scores clearly above random, idle and reckless ones yet"
    return ""


def correlation(returns: FloatArray, scores: FloatArray) -> float:
    """Weighted Kendall's tau, -1 to 1, the mean over weights by either order; 0 for a reward that pays all the same.

    As `scipy.stats.weightedtau`, which takes a second and 75 MB to load.
    """
    if np.ptp(returns) == 0.0 or np.ptp(scores) == 0.0:
        return 0.0
    a, b = np.sign(np.subtract.outer(returns, returns)), np.sign(np.subtract.outer(scores, scores))
    found = []
    for first, second in ((returns, scores), (scores, returns)):
        places = np.lexsort((second, first))[::-1]
        weight = np.empty(len(places))
        weight[places] = 1.0 / np.arange(1, len(places) + 1)
        pairs = np.add.outer(weight, weight)
        found.append((pairs * a * b).sum() / np.sqrt((pairs * a * a).sum() * (pairs * b * b).sum()))
    return float(np.clip(np.mean(found), -1.0, 1.0))


def idle_share(returns: FloatArray, episodes: Episodes) -> float | None:
    """How far an idle agent gets from what random actions are paid (0) to what the best are paid (1).

    None where the best are paid no more than random actions, or the survey has no such episodes.
    """
    players = np.array(episodes.players)
    idle, by_chance, best = returns[players == "idle"], returns[players == "random"], returns[episodes.best()]
    if not (len(idle) and len(by_chance) and len(best)) or best.mean() <= by_chance.mean():
        return None
    return float((idle.mean() - by_chance.mean()) / (best.mean() - by_chance.mean()))


@dataclass(frozen=True)
class Traits:
    """What is measured of a reward."""

    correlation: float
    idle: float | None


def traits(returns: FloatArray, episodes: Episodes, *, but: str | None = None) -> Traits:
    """Measure a reward, without the episodes that the training of `but` left: it seeks those that are paid most."""
    others = np.array([owner != but for owner in episodes.owners], dtype=bool)
    paid, left = returns[others], episodes.only(others)
    return Traits(correlation(paid, left.scores), idle_share(paid, left))


@dataclass(frozen=True)
class Bounds:
    """Beyond which a reward is in doubt; None: any is as good."""

    correlation: float | None = None
    idle: float | None = None


def learnt(trained: Sequence[tuple[Traits, float]]) -> Bounds:
    """The bounds that trained rewards teach: none where they are few, or all score the same.

    Args:
        trained: Of each, what was measured and the score of its training.
    """
    scores = [score for _, score in trained]
    if len(trained) < FEWEST_TRAINED or min(scores) == max(scores):
        return Bounds()
    middle = float(np.median(scores))
    good = [found for found, score in trained if score >= middle]
    idle = [found.idle for found in good if found.idle is not None]
    low = [found.correlation for found in good]
    return Bounds(2 * min(low) - max(low), 2 * max(idle) - min(idle) if len(idle) >= FEWEST_TRAINED // 2 else None)


def separation(returns: FloatArray, episodes: Episodes) -> dict[int, float]:
    """By generation, how surely its best episodes are paid more than its worst; where their scores differ clearly."""
    found = {}
    for generation in np.unique(episodes.generations):
        worst, best = ends(episodes.scores, np.flatnonzero(episodes.generations == generation))
        scores = episodes.scores
        if len(best) >= _FEWEST_ENDS and superiority(scores[best].tolist(), scores[worst].tolist()) >= CLEARLY:
            found[int(generation)] = superiority(returns[best].tolist(), returns[worst].tolist())
    return found


def ends(scores: FloatArray, among: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Places of the worst and of the best fifth, or three, or half of them."""
    order = among[np.argsort(scores[among], kind="stable")]
    count = max(1, min(max(_FEWEST_ENDS, round(END * len(order))), len(order) // 2))
    return order[:count], order[len(order) - count :]
