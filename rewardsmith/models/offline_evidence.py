"""What the recorded random episodes say about terms: which follow the score, and which foretell an early end.

Ranking terms by how their episode sum follows the score replaces the hand that picks a task's quantities in AutoRL
(Faust et al. 2019, "Evolving Rewards to Automate Reinforcement Learning"). Episode length is partialled out, so that a
term which merely grows with time is not mistaken for one that the score is about.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.models.offline_library import Library, build_library
from rewardsmith.models.offline_terms import Floats, Shape, Term, values

MAIN_SHAPES: frozenset[Shape] = frozenset({"linear", "steady", "beyond", "change", "size", "distance", "turning"})
"""Shapes that may carry the task; `capped` follows its linear form and is offered beside it."""

_HANDICAP: dict[Shape, float] = {"steady": 0.02, "beyond": 0.01, "change": 0.01, "size": 0.02}
"""Subtracted from the correlation of less plain shapes, so that ties go to the plainest."""

_BARE = 0.005
"""The same for entries of a bare observation, which a reader cannot name."""


@dataclass(frozen=True)
class Ranked:
    """A term with its evidence."""

    term: Term
    evidence: float
    """For a main term the correlation of its episode sum with the score, -1 to 1; for a guard the share of pairs in
    which it is further from its start in an episode that ends than in one that goes on, 0 to 1."""


@dataclass(frozen=True)
class Evidence:
    """Everything that the author concludes from the survey."""

    library: Library
    mains: tuple[Ranked, ...]
    """Terms that may carry the task, best first, near copies left out; never empty where any signal moves."""
    guards: tuple[Ranked, ...]
    """`steady` terms of quantities that stray before an episode ends early, most telling first."""
    conclusive: bool
    """Whether the best main term follows the score beyond what chance gives the best of that many."""
    silent: bool
    """Whether all random episodes have the same score."""
    ends_early: bool
    """Whether a random episode ended by itself."""
    survival: float
    """Correlation of the episode's length with its score; 0 where either never varies."""
    calms: tuple[Term, ...]
    """Terms for a body that does not tumble, root of the kinematic tree first."""

    @property
    def is_survival(self) -> bool:
        """Whether the score is little else than how long the episode goes on."""
        return self.ends_early and self.survival > 0.98


def weigh(survey: Survey, probe: Probe) -> Evidence:
    """Rank the library's terms on the recorded random episodes."""
    library = build_library(survey, probe)
    spans = list(probe.episodes())[: len(survey.episodes)]
    starts = np.array([span.start for span in spans], dtype=np.intp)
    rows = spans[-1].stop if spans else 0
    lengths = np.array([span.stop - span.start for span in spans], dtype=np.float64)
    scores = np.array([episode.score for episode in survey.episodes[: len(spans)]], dtype=np.float64)
    ended = np.array([episode.terminated for episode in survey.episodes[: len(spans)]], dtype=bool)

    ranked: list[Ranked] = []
    guards: list[Ranked] = []
    follow = _Follower(scores, lengths)
    for term in library.terms.values():
        if term.shape not in MAIN_SHAPES or _is_cost_of_action(term):
            continue
        series = values(term, probe)[:rows]
        found = follow(np.add.reduceat(series, starts)) if rows else 0.0
        handicap = _HANDICAP.get(term.shape, 0.0) + (_BARE if term.signals[0].startswith("observation") else 0.0)
        ranked.append(Ranked(term, found - handicap if found > 0 else found))
        if term.name.startswith("steady_") and ended.any():
            guards.append(Ranked(term, _foretells(1.0 - series, spans, ended) - _obscurity(term)))
    ranked.sort(key=lambda r: -r.evidence)
    guards.sort(key=lambda r: -r.evidence)
    return Evidence(
        library=library,
        mains=_distinct(ranked, probe),
        guards=_distinct([g for g in guards if g.evidence >= 0.75], probe, most=12),
        conclusive=bool(ranked) and ranked[0].evidence >= _chance(len(spans), len(ranked)),
        silent=float(np.ptp(scores)) == 0.0 if len(scores) else True,
        ends_early=bool(ended.any()),
        survival=_pearson(lengths, scores),
        calms=tuple(t for t in library.terms.values() if t.name.startswith("calm_"))[:4],
    )


class _Follower:
    """How well an episode sum follows the score once length is accounted for: mean of Pearson's and Spearman's r."""

    def __init__(self, scores: Floats, lengths: Floats) -> None:
        self._lengths = lengths - lengths.mean() if len(lengths) else lengths
        self._rank_lengths = _ranks(lengths)
        self._scores = self._residual(scores, self._lengths)
        self._rank_scores = self._residual(_ranks(scores), self._rank_lengths)
        whole = float(np.var(scores)) if len(scores) else 0.0
        self._silent = len(scores) < 4 or float(np.var(self._scores)) <= 1e-6 * whole

    def __call__(self, sums: Floats) -> float:
        if self._silent:
            return 0.0
        left = self._residual(sums, self._lengths)
        if np.var(left) <= 1e-9 * max(float(np.var(sums)), 1e-300):
            return 0.0
        ranks = self._residual(_ranks(sums), self._rank_lengths)
        return 0.5 * (_pearson(left, self._scores) + _pearson(ranks, self._rank_scores))

    @staticmethod
    def _residual(values: Floats, lengths: Floats) -> Floats:
        """What is left of `values` after a straight line in centred `lengths`."""
        centred = values - values.mean() if len(values) else values
        power = float(lengths @ lengths)
        return centred if power <= 1e-12 else np.asarray(centred - lengths * float(lengths @ centred) / power)


def _foretells(strays: Floats, spans: list[slice], ended: npt.NDArray[np.bool_]) -> float:
    """Share of pairs (episode that ends, longer episode) in which the first strays further at the same step.

    Comparing at the same step keeps a quantity that simply drifts with time from looking like a warning.
    """
    wins, pairs = 0.0, 0
    for i, span in enumerate(spans):
        last = span.stop - span.start - 1
        if not ended[i]:
            continue
        here = strays[span.stop - 1]
        for other in spans:
            if other.stop - other.start <= last + 5:
                continue
            there = strays[other.start + last]
            wins += 1.0 if here > there else 0.5 if here == there else 0.0
            pairs += 1
    return wins / pairs if pairs else 0.0


def _distinct(ranked: list[Ranked], probe: Probe, most: int = 24) -> tuple[Ranked, ...]:
    """The best of each group of terms whose values agree step by step; copies in other words teach nothing new."""
    kept: list[Ranked] = []
    columns: list[Floats] = []
    for candidate in ranked[:200]:
        column = values(candidate.term, probe)
        column = column - column.mean()
        norm = float(np.linalg.norm(column))
        if norm <= 0:
            continue
        column = column / norm
        if all(float(column @ other) < 0.95 for other in columns):
            kept.append(candidate)
            columns.append(column)
        if len(kept) == most:
            break
    return tuple(kept)


def _obscurity(term: Term) -> float:
    """Handicap of a guard: ties go to postures that a reader can picture."""
    name = term.signals[0]
    return 0.03 if "quaternion" in name or name.startswith("observation") else 0.02 if "velocity" in name else 0.0


def _is_cost_of_action(term: Term) -> bool:
    return term.name.startswith(("effort", "smoothness"))


def _chance(episodes: int, terms: int) -> float:
    """Correlation that the best of so many unrelated terms exceeds in one survey out of twenty (Fisher's z)."""
    if episodes < 6 or terms == 0:
        return 0.99
    quantile = NormalDist().inv_cdf(1.0 - 0.05 / (2.0 * terms))
    return min(0.97, float(np.tanh(quantile / np.sqrt(episodes - 4))))


def _ranks(values: Floats) -> Floats:
    """Ranks from 0, ties shared, centred on zero."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    upper = np.cumsum(counts)
    shared = (upper - counts + upper - 1) / 2.0
    ranks = np.asarray(shared[inverse], dtype=np.float64)
    return ranks - ranks.mean() if len(ranks) else ranks


def _pearson(a: Floats, b: Floats) -> float:
    if len(a) < 2:
        return 0.0
    a, b = a - a.mean(), b - b.mean()
    power = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / power if power > 1e-300 else 0.0
