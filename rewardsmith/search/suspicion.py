"""Signs that a reward is hacked: an agent is paid by it for something else than the task.

Policies are compared episode by episode with the probability of superiority (A, Vargha and Delaney 2000, "A Critique
and Improvement of the CL Common Language Effect Size Statistics of McGraw and Wong"): of all pairs of an episode of the
one and an episode of the other, the share in which the one has more, ties counting half. It needs no scale, no
distribution and few episodes.

What is paid is summed over the episode, undiscounted: an agent maximises what it gets until the episode ends, so that
a reward which is best escaped by falling, or best collected by standing, shows only there. The mean per step is told
beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rewardsmith.domain.report import ComponentStatistics, Report
from rewardsmith.domain.warning import RewardWarning, WarningKind
from rewardsmith.prompting.signals import number
from rewardsmith.prompting.templates import plain
from rewardsmith.search.statistics import pairs_won

CLEARLY = 0.9
"""A from which on one policy clearly has more than another; Vargha and Delaney call an effect large from 0.71 on, which
five episodes reach by chance too often."""
FALLS = 0.2
"""A fall of the score counts from this share of the distance between its least and greatest mean over training."""
ONE_TERM = 0.9
"""Share of the magnitude that is paid, over the second half of training, from which on one component is nearly all."""
FOLLOWS = 0.5
"""Correlation of its episode sum with the score from which on a component may be the task itself."""
EXTREMES = {"idle": "an idle agent", "reckless": "a reckless agent (every action at one of its limits)"}
"""Policies of the survey that do not do the task, in words."""

_NAME = 60


@dataclass(frozen=True)
class Played:
    """Episodes of one policy: what the score rule gave them and what the reward under suspicion paid."""

    policy: str
    """Whose episodes, in words, such as `random actions`."""
    scores: Sequence[float]
    """Of each episode."""
    returns: Sequence[float]
    """What was paid over each episode, undiscounted."""
    lengths: Sequence[int]
    """Steps of each episode."""

    def only(self, chosen: Sequence[int], policy: str) -> Played:
        """Some of the episodes, under another name."""
        return Played(
            policy,
            scores=[self.scores[i] for i in chosen],
            returns=[self.returns[i] for i in chosen],
            lengths=[self.lengths[i] for i in chosen],
        )

    @property
    def score(self) -> float:
        """Mean score."""
        return float(np.mean(self.scores))

    @property
    def paid(self) -> float:
        """Mean of what was paid per episode."""
        return float(np.mean(self.returns))

    @property
    def per_step(self) -> float:
        """Mean of what was paid per step."""
        return float(np.sum(self.returns) / np.sum(self.lengths))


def superiority(more: Sequence[float], less: Sequence[float]) -> float:
    """A: the share of pairs in which the first has more than the second, ties counting half."""
    return float(pairs_won(more, less).mean())


def score_falls(training: Sequence[Played]) -> RewardWarning | None:
    """The score clearly fell below what it was, while what the reward paid clearly rose.

    Args:
        training: The policy over training, in order; random actions may stand first. Its end is compared with the
            earlier point that has the highest mean score.
    """
    if len(training) < 2:
        return None
    end, earlier = training[-1], training[:-1]
    best = max(earlier, key=lambda played: played.score)
    means = [played.score for played in training]
    fell = superiority(best.scores, end.scores) >= CLEARLY
    rose = superiority(end.returns, best.returns) >= CLEARLY
    if not (fell and rose) or best.score - end.score < FALLS * (max(means) - min(means)):
        return None
    return RewardWarning(
        kind="score_falls",
        sentence=f"It paid {best.policy} {number(best.paid)} per episode and {end.policy} {number(end.paid)}, "
        f"while the score fell from {number(best.score)} to {number(end.score)}: the agent learned to be paid for "
        "something else than the task.",
        evidence={
            "paid_before": best.paid,
            "paid_after": end.paid,
            "score_before": best.score,
            "score_after": end.score,
        },
    )


def one_term(report: Report) -> RewardWarning | None:
    """One of several components is nearly all that was paid, although the score varied and did not follow it.

    A reward whose one large term is the task itself is as it should be, and so is a reward of one component.
    """
    components = [each for each in report.components if each.name != "total" and each.points]
    scores = [score for rung in report.rungs for score in rung.scores]
    if len(components) < 2 or not scores or max(scores) == min(scores):
        return None
    top = max(components, key=_late_share)
    share, correlation = _late_share(top), top.correlation
    if share < ONE_TERM or (correlation is not None and correlation >= FOLLOWS):
        return None
    name = plain(top.name, _NAME)
    related = (
        "its sum is the same in every scored episode"
        if correlation is None
        else f"its correlation with the score is {correlation:+.2f}"
    )
    return RewardWarning(
        kind="one_term",
        sentence=f"`{name}` is {100 * share:.0f} % of what it paid in the second half of training, and the score does "
        f"not follow it ({related}): the other components hardly count.",
        evidence={"share": share} | ({} if correlation is None else {"correlation": correlation}),
        component=name,
    )


def _late_share(component: ComponentStatistics) -> float:
    points = component.points[len(component.points) // 2 :]
    return sum(point.share for point in points) / len(points)


def pays_more(kind: WarningKind, policy: Played, best: Played) -> RewardWarning | None:
    """It clearly pays `policy` more per episode than `best`, whose score is clearly higher."""
    sentence = outpaid(policy, best)
    if sentence is None:
        return None
    return RewardWarning(
        kind=kind,
        sentence=sentence,
        evidence={
            "paid": policy.paid,
            "paid_per_step": policy.per_step,
            "score": policy.score,
            "best_paid": best.paid,
            "best_paid_per_step": best.per_step,
            "best_score": best.score,
        },
    )


def outpaid(policy: Played, best: Played) -> str | None:
    """The sentence that says so; None where `policy` is not clearly paid more, or does not clearly score less."""
    if superiority(policy.returns, best.returns) < CLEARLY or superiority(best.scores, policy.scores) < CLEARLY:
        return None
    return (
        f"It pays {policy.policy} more than {best.policy}, {number(policy.paid)} per episode against "
        f"{number(best.paid)} (per step {number(policy.per_step)} against {number(best.per_step)}), though the score "
        f"is {number(policy.score)} against {number(best.score)}: an agent can be paid without doing the task."
    )
