"""The archive as a judge: asks a reward, before it is trained, what it pays the episodes that the run has recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.job import RewardLimits
from rewardsmith.domain.judgement import Judgement
from rewardsmith.domain.run import Run
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.errors import StoreError
from rewardsmith.reward.process import RewardFailed, RewardProcess
from rewardsmith.search.agreement import (
    EARLY,
    TRAINED,
    Bounds,
    Episodes,
    FloatArray,
    learnt,
    one_sided,
    traits,
)
from rewardsmith.search.archive import narrow, read_archive, returns
from rewardsmith.search.doubting import failed, judge
from rewardsmith.search.selection import search_seed
from rewardsmith.store.artifacts import RunFolder

MOST_EPISODES = 240
"""Of trained agents."""
MOST_BYTES = 24 << 20
"""Of their rows, in memory; both keep a request under a second."""
MOST_TRAINED = 32
"""Rewards that bounds are learnt from, the latest; each is asked once per generation."""

Scored = tuple[Candidate, float]


@dataclass(frozen=True)
class _Part:
    """Episodes from one place."""

    arrays: dict[str, npt.NDArray[np.generic]]
    """By signal, float64 as float32, as archives are kept."""
    starts: npt.NDArray[np.bool_]
    scores: Sequence[float]
    players: Sequence[str]
    generation: int = 0
    owner: str = ""


@dataclass(frozen=True)
class _Bench:
    """What the candidates of one generation are judged on."""

    generation: int
    rows: Probe
    episodes: Episodes
    unread: int
    without: str
    """Why they cannot be judged; empty where they can."""
    bounds: Bounds = field(default_factory=Bounds)


@dataclass
class Judge:
    """Judges rewards on episodes of the survey and of the trainings of earlier generations.

    Those of the same generation are left out, so that a judgement does not depend on which training ended first, and
    so are those of the baselines: what the environment's own reward leads to must not reach a prompt.

    Args:
        survey: What the environment offers, with the scores of its random, idle and reckless episodes.
        probe: Their rows.
        limits: Limits of the reward process.
        folder: Where trainings leave their archives.
    """

    survey: Survey
    probe: Probe
    limits: RewardLimits
    folder: RunFolder
    _bench: _Bench | None = field(default=None, init=False, repr=False)
    _building: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)

    async def judge(self, run: Run, generation: int, source: str) -> Judgement:
        """What the archive says about a reward of this generation, once the earlier ones have ended.

        Raises:
            InfrastructureError: A reward process could not be run.
        """
        async with self._building:
            if self._bench is None or self._bench.generation != generation:
                self._bench = None  # the old one goes before the new one comes: each is many MB
                self._bench = await self._built(run, generation)
        bench = self._bench
        if bench.without:
            return Judgement(unread=bench.unread, without=bench.without)
        paid = await asyncio.to_thread(self._paid, source, bench.rows)
        if isinstance(paid, RewardFailed):
            return failed(paid.failure, bench.episodes, unread=bench.unread)
        return judge(paid, bench.episodes, bench.bounds, unread=bench.unread)

    async def _built(self, run: Run, generation: int) -> _Bench:
        turns = [turn for turn in run.turns() if turn.candidate.generation < generation and not turn.candidate.twin]
        trained = [(turn.candidate, turn.score) for turn in turns if turn.score is not None]
        bench = await asyncio.to_thread(self._gathered, run, generation, trained)
        if bench.without:
            return bench
        latest = trained[-MOST_TRAINED:]
        measured = []
        for candidate, score in latest:
            paid = await asyncio.to_thread(self._paid, candidate.source or "", bench.rows)
            if not isinstance(paid, RewardFailed):
                measured.append((traits(paid, bench.episodes, but=candidate.id), score))
        return replace(bench, bounds=learnt(measured))

    def _gathered(self, run: Run, generation: int, trained: Sequence[Scored]) -> _Bench:
        """The episodes: of the survey, and as many of each training, the latest first, as there is room for."""
        assert run.spec is not None
        survey, unread = self.survey, 0
        parts = [_part(self.probe, [episode.score for episode in survey.episodes], ["random"] * len(survey.episodes))]
        if self.probe.extremes is not None:
            scores = [episode.score for episode in survey.extremes]
            parts.append(_part(self.probe.extremes, scores, [episode.policy for episode in survey.extremes]))
        width = sum(4 * int(np.prod(signal.shape)) for signal in survey.signals)
        room = max(1, min(MOST_EPISODES, MOST_BYTES // (width * survey.horizon)))
        for candidate, _ in trained[-room:]:
            attempt = run.finished.get(("search", candidate.id, search_seed(run.spec)))
            if attempt is None:
                continue
            try:
                archived = read_archive(self.folder.out(attempt), survey.signals)
            except StoreError:
                unread += 1
                continue
            kept = archived.spread(max(1, room // len(trained)))
            players = [TRAINED] * len(kept.scores)
            parts.append(_part(kept.rows, kept.scores, players, candidate.generation, candidate.id))
        return _bench(generation, parts, survey.horizon, unread)

    def _paid(self, source: str, rows: Probe) -> FloatArray | RewardFailed:
        signals = self.survey.by_name()
        try:
            with RewardProcess(source, signals, limits=self.limits) as process:
                return returns(process, rows, stream="archive")
        except RewardFailed as error:
            return error


def _part(rows: Probe, *more: Any) -> _Part:
    return _Part({name: narrow(array) for name, array in rows.arrays.items()}, rows.starts, *more)


def _bench(generation: int, parts: Sequence[_Part], horizon: int, unread: int) -> _Bench:
    """All parts as one; their arrays are taken out of them one after another, as they are most of what is in memory."""
    arrays = {name: np.concatenate([part.arrays.pop(name) for part in parts]) for name in [*parts[0].arrays]}
    rows = Probe(arrays, np.concatenate([part.starts for part in parts]))
    lengths = np.array([each.stop - each.start for each in rows.episodes()])
    ended = np.asarray(arrays["terminated"], dtype=bool)[np.cumsum(lengths) - 1]
    episodes = Episodes(
        scores=np.concatenate([np.asarray(part.scores, dtype=np.float64) for part in parts]),
        lengths=lengths,
        early=ended & (lengths < EARLY * horizon),
        generations=np.concatenate([np.full(len(part.scores), part.generation) for part in parts]),
        players=tuple(player for part in parts for player in part.players),
        owners=tuple(part.owner for part in parts for _ in part.scores),
    )
    return _Bench(generation, rows, episodes, unread, one_sided(episodes))
