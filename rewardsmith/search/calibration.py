"""How well the archive's judgements foretold the scores of one run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rewardsmith.domain.judgement import Calibration
from rewardsmith.domain.prompt import Turn

_Judged = tuple[float, float, bool]
"""Correlation, score, whether it was in doubt."""


def calibration(turns: Iterable[Turn]) -> Calibration | None:
    """What the judgements were worth; None where the archive was never asked.

    Only candidates of one generation are compared: they were judged on the same episodes. Over their pairs that differ
    in score, Somers' D of the correlation (Somers 1962, "A new asymmetric measure of association for ordinal
    variables"): the share of pairs in which the one that ranks better also scored higher, less the share in which it
    scored lower.
    """
    own = [turn for turn in turns if turn.candidate.judgement is not None and turn.candidate.twin is None]
    if not own:
        return None
    generations: dict[int, list[_Judged]] = {}
    for turn in own:
        judgement = turn.candidate.judgement
        if judgement is not None and judgement.correlation is not None and turn.score is not None:
            judged = (judgement.correlation, turn.score, judgement.doubtful)
            generations.setdefault(turn.candidate.generation, []).append(judged)
    outcomes = [outcome for members in generations.values() for outcome in _outcomes(members)]
    judgements = [turn.candidate.judgement for turn in own if turn.candidate.judgement is not None]
    doubtful = [turn for turn in own if turn.candidate.judgement is not None and turn.candidate.judgement.doubtful]
    return Calibration(
        judged=sum(judgement.correlation is not None for judgement in judgements),
        without=sum(bool(judgement.without) for judgement in judgements),
        trained=sum(len(members) for members in generations.values()),
        pairs=len(outcomes),
        correlation=sum(outcomes) / len(outcomes) if outcomes else None,
        doubtful=len(doubtful),
        doubtful_trained=sum(turn.score is not None for turn in doubtful),
        doubtful_better=sum(_wrongly_doubted(members) for members in generations.values()),
        repaired=sum(any(f.gate == "archive" for f in turn.candidate.repairs) for turn in own),
        unread=max(judgement.unread for judgement in judgements),
    )


def _outcomes(members: Sequence[_Judged]) -> list[float]:
    """Of each pair that differs in score: 1 where the order by correlation is the same, -1 where not, 0 a tie."""
    pairs = [(a, b) for i, a in enumerate(members) for b in members[:i] if a[1] != b[1]]
    return [float((a[0] > b[0]) - (a[0] < b[0])) * (1 if a[1] > b[1] else -1) for a, b in pairs]


def _wrongly_doubted(members: Sequence[_Judged]) -> int:
    """Doubtful ones that score above the median of their generation."""
    scores = sorted(score for _, score, _ in members)
    middle = (scores[(len(scores) - 1) // 2] + scores[len(scores) // 2]) / 2
    return sum(doubtful and score > middle for _, score, doubtful in members)
