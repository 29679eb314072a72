"""Asks a trained reward what it pays random, idle and reckless episodes and the best archived ones."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rewardsmith.domain.events import Attempt
from rewardsmith.domain.job import RewardLimits
from rewardsmith.domain.report import Report
from rewardsmith.domain.run import Run
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.domain.warning import RewardWarning, WarningKind
from rewardsmith.errors import StoreError
from rewardsmith.reward.process import RewardFailed, RewardProcess
from rewardsmith.search.archive import Archived, read_archive, returns
from rewardsmith.search.selection import best
from rewardsmith.search.suspicion import EXTREMES, Played, one_term, pays_more, score_falls
from rewardsmith.store.artifacts import RunFolder

_KINDS: dict[WarningKind, str] = {"pays_idle": "idle", "pays_reckless": "reckless"}


@dataclass(frozen=True)
class Examiner:
    """Looks for signs that a trained reward is hacked.

    Args:
        survey: What the environment offers, with the scores of its random, idle and reckless episodes.
        probe: Their rows.
        limits: Limits of the reward process.
    """

    survey: Survey
    probe: Probe
    limits: RewardLimits

    async def generation(self, run: Run, number: int, folder: RunFolder) -> dict[str, tuple[RewardWarning, ...]]:
        """Warnings of the candidates that one generation trained, by id; what has none is left out.

        It is asked when all trainings of the generation have ended, so that the answer does not depend on their order:
        the best archived episodes are those of the best candidate until then.

        Raises:
            InfrastructureError: A reward process could not be run.
        """
        turns = run.turns()
        trained = [turn for turn in turns if turn.candidate.generation == number and turn.candidate.twin is None]
        leader = best(turns)
        if leader is None:
            return {}
        assert run.spec is not None
        attempt = run.finished[("search", leader.candidate.id, run.spec.seed)]
        archived = await asyncio.to_thread(self._archived, folder, attempt)
        found = {}
        for candidate, report in ((turn.candidate, turn.report) for turn in trained if turn.score is not None):
            assert report is not None
            found[candidate.id] = await asyncio.to_thread(self.examine, candidate.source, report, archived)
        return {name: warnings for name, warnings in found.items() if warnings}

    def examine(self, source: str | None, report: Report, archived: Archived | None) -> tuple[RewardWarning, ...]:
        """Warnings of one reward; blocks for a fraction of a second.

        Args:
            source: The reward; None for a baseline, of which only its training is looked at.
            report: What its training gave.
            archived: The best episodes that are known.

        Raises:
            InfrastructureError: The reward process could not be run.
        """
        paid = self._paid(source, archived) if source is not None else {}
        training = [
            Played(f"the agent after {rung.steps:,} steps", rung.scores, rung.returns, rung.lengths)
            for rung in report.rungs
            if rung.returns
        ]
        found = [score_falls([*(paid[name] for name in ("random",) if name in paid), *training]), one_term(report)]
        for kind, policy in _KINDS.items():
            if policy in paid and "best" in paid:
                found.append(pays_more(kind, paid[policy], paid["best"]))
        return tuple(warning for warning in found if warning is not None)

    def _paid(self, source: str, archived: Archived | None) -> dict[str, Played]:
        """What the reward pays whom; empty where it fails on these episodes, as it then says nothing."""
        survey = self.survey
        signals = survey.by_name()
        try:
            with RewardProcess(source, signals, limits=self.limits) as process:
                scores = [episode.score for episode in survey.episodes]
                paid = {"random": _ask(process, "random actions", self.probe, scores)}
                if self.probe.extremes is not None:
                    scores = [episode.score for episode in survey.extremes]
                    both = _ask(process, "extremes", self.probe.extremes, scores)
                    for policy, words in EXTREMES.items():
                        mine = [i for i, episode in enumerate(survey.extremes) if episode.policy == policy]
                        if mine:
                            paid[policy] = both.only(mine, words)
                if archived is not None:
                    paid["best"] = _ask(process, "the best archived episodes", archived.rows, archived.scores)
        except RewardFailed:
            return {}
        return paid

    def _archived(self, folder: RunFolder, attempt: Attempt) -> Archived | None:
        try:
            return self.archived(folder.out(attempt))
        except StoreError:
            return None

    def archived(self, out: Path) -> Archived | None:
        """The best episodes that a training archived in `out`; None where they cannot be read."""
        try:
            return read_archive(out, self.survey.signals).best()
        except StoreError:
            return None


def _ask(process: RewardProcess, policy: str, rows: Probe, scores: Sequence[float]) -> Played:
    """What the reward pays recorded episodes."""
    return Played(
        policy=policy,
        scores=tuple(scores),
        returns=tuple(returns(process, rows, stream=policy).tolist()),
        lengths=tuple(each.stop - each.start for each in rows.episodes()),
    )
