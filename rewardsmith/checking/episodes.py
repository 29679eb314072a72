"""Tiers `ranking` and `exploit`: what whole recorded episodes are paid."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from rewardsmith.checking.kept import Kept
from rewardsmith.checking.recorded import Columns
from rewardsmith.domain.regression import Finding
from rewardsmith.reports.words import counted
from rewardsmith.search.agreement import FEWEST_SCORES, correlation
from rewardsmith.search.suspicion import CLEARLY, EXTREMES, superiority

MOST_LOST = 0.1
"""Of the weighted Kendall's tau between pay and score."""
GOOD = 0.5
"""Share of the trained episodes, by score, that count as good."""
_SCRIPTED = {
    "random": "random actions",
    **EXTREMES,
    "saturate": "an agent that holds every action at a limit",
    "oscillate": "an agent that swings every action between its limits",
    "die_early": "an agent that ends its episode as soon as it can",
}


def unranked(kept: Kept) -> str:
    """Why the recorded episodes say nothing about an order; empty where they do."""
    distinct = len(np.unique(kept.recorded.scores))
    return "" if distinct >= FEWEST_SCORES else f"the recorded episodes have {counted(distinct, 'different score')}"


def ranking(kept: Kept, now: Columns) -> Iterator[Finding]:
    """Whether the episodes are still ranked as the score ranks them, as well as when the reward was locked."""
    scores = kept.recorded.scores
    before = correlation(kept.recorded.returns(kept.recorded.paid["total"]), scores)
    after = correlation(kept.recorded.returns(now["total"]), scores)
    if after < before - MOST_LOST:
        words = f"pay and score of {len(scores)} episodes agree with tau {after:.2f}, and did with {before:.2f}"
        yield Finding(what="reward", words=words)


def exploit(kept: Kept, now: Columns) -> Iterator[Finding]:
    """Policies that nobody has to train and that earn clearly more than the good trained episodes, as they did not."""
    before = {player for player, *_ in _outearning(kept, kept.recorded.paid["total"])}
    for player, theirs, good in _outearning(kept, now["total"]):
        if player not in before:
            words = f"{theirs:.4g} per episode go to {_SCRIPTED[player]}, {good:.4g} to good trained agents"
            yield Finding(what=f"policy {player}", words=words)


def exploited(kept: Kept) -> str:
    """Which policies earned more already when the reward was locked: no regression, but worth knowing."""
    found = [_SCRIPTED[player] for player, *_ in _outearning(kept, kept.recorded.paid["total"])]
    return f"{', '.join(found)} earned more than good trained agents when it was locked already" if found else ""


def _outearning(kept: Kept, total: npt.NDArray[np.float64]) -> Iterator[tuple[str, float, float]]:
    """Such policies with their mean per episode and that of the good trained episodes."""
    returns = kept.recorded.returns(total)
    good = returns[_good(kept)]
    for player in _SCRIPTED:
        theirs = returns[kept.recorded.played(player)]
        if len(theirs) and superiority(theirs.tolist(), good.tolist()) >= CLEARLY:
            yield player, float(theirs.mean()), float(good.mean())


def _good(kept: Kept) -> npt.NDArray[np.bool_]:
    """Which episodes of trained agents are the better ones by score."""
    trained, scores = kept.recorded.played("trained"), kept.recorded.scores
    good: npt.NDArray[np.bool_] = trained & (scores >= np.quantile(scores[trained], GOOD))
    return good
