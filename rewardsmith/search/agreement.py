"""Whether a reward pays recorded episodes as the score ranks them. Pure: no process, no disk.

The order by pay and the order by score are compared with a weighted Kendall's tau (Vigna 2015, "A weighted correlation
index for rankings with ties", hyperbolic weights), in which the places at the top of either order count most: what a
reward pays best is what an agent will look for.

There is no fixed threshold. Rewards that train well need not rank well, and how well they do differs from task to
task, so a reward is in doubt only when it ranks worse than every one of the better half of this run's trained rewards
does on the same episodes, each without those that its own training left. That is a conformal test (Vovk, Gammerman and
Shafer 2005, "Algorithmic Learning in a Random World"): where the next good reward is drawn like the m good ones so
far, it is doubted with a chance of at most 1 / (m + 1), whatever the correlation is worth on this task.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rewardsmith.domain.judgement import Judgement
from rewardsmith.domain.report import Failure
from rewardsmith.prompting.signals import number
from rewardsmith.prompting.templates import plain
from rewardsmith.search.suspicion import CLEARLY, Played, outpaid, superiority

FEWEST_EPISODES = 10
FEWEST_SCORES = 5
"""Distinct scores below which an order says nothing."""
FEWEST_PAIRS = 8
"""Trained rewards from which on a threshold is learnt: the better half of them are four."""
END = 0.2
"""Share of the episodes that are called the best, and the worst."""
EARLY = 0.5
"""Share of the horizon before which an episode that ends by itself ends early."""
TRAINED = "trained"

_FEWEST_ENDS = 3
_MESSAGE = 600
_POLICIES = {"idle": "an idle agent", "reckless": "a reckless agent (every action at one of its limits)"}

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

    def best(self) -> npt.NDArray[np.int64]:
        """Places of those of trained agents that score best."""
        return _ends(self.scores, np.flatnonzero(self.trained))[1]


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
    """Weighted Kendall's tau, -1 to 1; 0 for a reward that pays every episode the same."""
    if np.ptp(returns) == 0.0 or np.ptp(scores) == 0.0:
        return 0.0
    from scipy.stats import weightedtau  # a second to load, and needed for some runs only

    return float(np.clip(weightedtau(returns, scores).statistic, -1.0, 1.0))


def without_own(returns: FloatArray, episodes: Episodes, owner: str) -> float:
    """The correlation on what others left: a reward's own training seeks the episodes that it pays most."""
    others = np.array([other != owner for other in episodes.owners], dtype=bool)
    return correlation(returns[others], episodes.scores[others])


def threshold(pairs: Sequence[tuple[float, float]]) -> float | None:
    """The least correlation of the better half of trained rewards; None where they are few or all score the same.

    Args:
        pairs: Of each trained reward, its correlation and the score of its training.
    """
    scores = [score for _, score in pairs]
    if len(pairs) < FEWEST_PAIRS or min(scores) == max(scores):
        return None
    middle = float(np.median(scores))
    return min(correlation for correlation, score in pairs if score >= middle)


def judge(returns: FloatArray, episodes: Episodes, least: float | None, *, unread: int = 0) -> Judgement:
    """What these episodes say about a reward; ask `one_sided` first.

    Args:
        returns: What it pays each episode.
        episodes: The episodes.
        least: The threshold, where one is learnt.
        unread: Archives that were left out.
    """
    found = correlation(returns, episodes.scores)
    separation = _separation(returns, episodes)
    doubts = _outpaid(returns, episodes)
    for generation, share in separation.items():
        if generation and share <= 1.0 - CLEARLY:
            doubts.append(f"Of the episodes of generation {generation} it pays the worst more than the best.")
    if least is not None and found < least:
        doubts.append(f"The better half of this run's trained rewards rank them at {least:+.2f} or more.")
    failure = None
    if doubts:
        message = " ".join([_ranks(found, returns, episodes), *doubts])
        failure = Failure(gate="archive", kind="misranks", message=plain(message, _MESSAGE))
    return Judgement(
        episodes=len(returns),
        unread=unread,
        correlation=found,
        separation=separation,
        threshold=least,
        doubt=failure,
    )


def failed(failure: Failure, episodes: Episodes, *, unread: int = 0) -> Judgement:
    """A reward that fails on these episodes; that it takes too long on so many says nothing."""
    if failure.kind == "timeout":
        return Judgement(unread=unread, without=f"it took too long for {len(episodes.scores)} episodes")
    message = plain(f"On episodes that trained agents played: {failure.message}", _MESSAGE)
    doubt = failure.model_copy(update={"gate": "archive", "message": message})
    return Judgement(episodes=len(episodes.scores), unread=unread, doubt=doubt)


def _ranks(found: float, returns: FloatArray, episodes: Episodes) -> str:
    worst, best = _ends(episodes.scores, np.arange(len(returns)))
    pay, score = returns, episodes.scores
    return (
        f"It runs, but it ranks {len(returns)} recorded episodes otherwise than the score does: weighted rank "
        f"correlation {found:+.2f}. It pays the {len(best)} best {number(pay[best].mean())} each (score "
        f"{number(score[best].mean())}), the {len(worst)} worst {number(pay[worst].mean())} "
        f"({number(score[worst].mean())})."
    )


def _ends(scores: FloatArray, among: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Places of the worst and of the best fifth, or three, or half of them."""
    order = among[np.argsort(scores[among], kind="stable")]
    count = max(1, min(max(_FEWEST_ENDS, round(END * len(order))), len(order) // 2))
    return order[:count], order[len(order) - count :]


def _separation(returns: FloatArray, episodes: Episodes) -> dict[int, float]:
    found = {}
    for generation in np.unique(episodes.generations):
        worst, best = _ends(episodes.scores, np.flatnonzero(episodes.generations == generation))
        scores = episodes.scores
        if len(best) >= _FEWEST_ENDS and superiority(scores[best].tolist(), scores[worst].tolist()) >= CLEARLY:
            found[int(generation)] = superiority(returns[best].tolist(), returns[worst].tolist())
    return found


def _outpaid(returns: FloatArray, episodes: Episodes) -> list[str]:
    """That it clearly pays idle, reckless or early-ending episodes more than the best ones."""
    best = _played("the best recorded episodes", returns, episodes, episodes.best())
    players = np.array(episodes.players)
    suspects = {words: players == player for player, words in _POLICIES.items()}
    suspects["episodes that end early"] = episodes.early
    sentences = [
        outpaid(_played(words, returns, episodes, np.flatnonzero(chosen)), best)
        for words, chosen in suspects.items()
        if chosen.any()
    ]
    return [sentence for sentence in sentences if sentence]


def _played(policy: str, returns: FloatArray, episodes: Episodes, chosen: npt.NDArray[np.int64]) -> Played:
    return Played(
        policy,
        scores=episodes.scores[chosen].tolist(),
        returns=returns[chosen].tolist(),
        lengths=episodes.lengths[chosen].tolist(),
    )
