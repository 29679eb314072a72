"""What recorded episodes say about a reward, in words that a repair can use."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rewardsmith.domain.judgement import Judgement
from rewardsmith.domain.report import Failure
from rewardsmith.prompting.signals import number
from rewardsmith.prompting.templates import plain
from rewardsmith.search.agreement import Bounds, Episodes, FloatArray, ends, separation, traits
from rewardsmith.search.suspicion import CLEARLY, EXTREMES, Played, outpaid

_MESSAGE = 600


def judge(returns: FloatArray, episodes: Episodes, bounds: Bounds, *, unread: int = 0) -> Judgement:
    """What these episodes say about a reward; ask `one_sided` first.

    Args:
        returns: What it pays each episode.
        episodes: The episodes.
        bounds: What the run has learnt.
        unread: Archives that were left out.
    """
    found, apart = traits(returns, episodes), separation(returns, episodes)
    doubts = _outpaid(returns, episodes)
    for generation, share in apart.items():
        if generation and share <= 1.0 - CLEARLY:
            doubts.append(f"Of the episodes of generation {generation} it pays the worst more than the best.")
    if bounds.idle is not None and found.idle is not None and found.idle > bounds.idle:
        doubts.append(
            f"An idle agent gets {found.idle:.0%} of the way from what random actions are paid to what the best "
            f"episodes are paid; for rewards of this run that trained well this stays below {bounds.idle:.0%}."
        )
    if bounds.correlation is not None and found.correlation < bounds.correlation:
        doubts.append(f"Rewards of this run that trained well rank better, above {bounds.correlation:+.2f}.")
    doubt = None
    if doubts:
        message = " ".join([*doubts, _ranks(found.correlation, returns, episodes)])
        doubt = Failure(gate="archive", kind="misranks", message=plain(message, _MESSAGE))
    return Judgement(
        episodes=len(returns),
        unread=unread,
        correlation=found.correlation,
        separation=apart,
        idle=found.idle,
        threshold=bounds.correlation,
        idle_threshold=bounds.idle,
        doubt=doubt,
    )


def failed(failure: Failure, episodes: Episodes, *, unread: int = 0) -> Judgement:
    """A reward that fails on these episodes; that it takes too long on so many says nothing."""
    if failure.kind == "timeout":
        return Judgement(unread=unread, without=f"it took too long for {len(episodes.scores)} episodes")
    message = plain(f"On episodes that trained agents played: {failure.message}", _MESSAGE)
    doubt = failure.model_copy(update={"gate": "archive", "message": message})
    return Judgement(episodes=len(episodes.scores), unread=unread, doubt=doubt)


def _ranks(found: float, returns: FloatArray, episodes: Episodes) -> str:
    worst, best = ends(episodes.scores, np.arange(len(returns)))
    pay, score = returns, episodes.scores
    return (
        f"Of {len(returns)} recorded episodes it pays {number(pay[best].mean())} to each of the {len(best)} best "
        f"(score {number(score[best].mean())}) and {number(pay[worst].mean())} to each of the {len(worst)} worst "
        f"(score {number(score[worst].mean())}); the rank correlation of pay and score is {found:+.2f}."
    )


def _outpaid(returns: FloatArray, episodes: Episodes) -> list[str]:
    """That it clearly pays idle, reckless or early-ending episodes more than the best ones: those that it pays most."""
    best = _played("the best recorded episodes", returns, episodes, episodes.best())
    players = np.array(episodes.players)
    suspects = {words: players == player for player, words in EXTREMES.items()}
    suspects["episodes that end early"] = episodes.early
    played = [
        _played(words, returns, episodes, np.flatnonzero(those)) for words, those in suspects.items() if any(those)
    ]
    sentences = [outpaid(each, best) for each in sorted(played, key=lambda each: -each.paid)]
    return [sentence for sentence in sentences if sentence][:1]


def _played(policy: str, returns: FloatArray, episodes: Episodes, chosen: npt.NDArray[np.int64]) -> Played:
    return Played(
        policy,
        scores=episodes.scores[chosen].tolist(),
        returns=returns[chosen].tolist(),
        lengths=episodes.lengths[chosen].tolist(),
    )
