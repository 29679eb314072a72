"""Tiers `smoke` and `full`: whether trainings with the reward still score what those of its lock scored."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np

from rewardsmith.checking.doubt import LEVEL, POWER, detectable, dropped, lowest, luck
from rewardsmith.checking.kept import Kept
from rewardsmith.checking.training import Trainer
from rewardsmith.domain.job import RewardLimits, RewardSpec, TrainJob
from rewardsmith.domain.lock import Trained
from rewardsmith.domain.regression import Finding, Tier, TierResult, Trials
from rewardsmith.domain.report import Report
from rewardsmith.domain.survey import Survey
from rewardsmith.domain.task import Budget, Task
from rewardsmith.reports.words import count, counted, duration, score
from rewardsmith.reward.source import analyse
from rewardsmith.search.planning import START_S
from rewardsmith.search.training import train_job

HALF = 0.5
"""Of the way from an untrained policy to the locked score: the band of a lock with one seed, which knows no spread."""


@dataclass(frozen=True)
class Course:
    """Trains a kept reward here on the schedule of its lock.

    Args:
        kept: The reward and its lock.
        task: The task as it is here.
        survey: What its environment offers here.
        trainer: Who trains.
        trials: Which seeds, and what drop is let pass.
        limits: Limits of the reward process.
    """

    kept: Kept
    task: Task
    survey: Survey
    trainer: Trainer
    trials: Trials
    limits: RewardLimits

    def tier(self, tier: Tier) -> TierResult:
        """Smoke or full.

        Raises:
            TaskError, ScoreRuleError: The task is at fault.
            InfrastructureError: The machine or a worker failed; says nothing about the reward.
        """
        trained = self.kept.lock.trained
        if trained is None:
            reason = "its lock holds no trainings to compare with; `rewardsmith export --lock` writes one that does"
            return TierResult(tier=tier, verdict="skipped", reason=reason)
        return self._smoke(trained) if tier == "smoke" else self._full(trained)

    def _smoke(self, trained: Trained) -> TierResult:
        """The best score so far gets into the band at the first rung that tells anything, or at the next."""
        rungs = [[max(each.rungs[: i + 1]) for each in trained.trainings] for i in range(trained.rungs)]
        lows = [self._low(scores) for scores in rungs]
        asked = [i for i, low in enumerate(lows) if low > self._untrained][:2]
        if not asked:
            reason = (
                f"{_locked(trained)} spread so widely that untrained policies ({score(self._untrained)}) are within "
                "their band; lock it with more seeds"
            )
            return TierResult(tier="smoke", verdict="skipped", reason=reason)
        (seed,) = self._seeds(trained, 1)
        self._announce("smoke", trained, 1, asked[-1] + 1, f"done as soon as it scores {score(lows[asked[0]])}")
        found: list[Finding] = []
        for rung in asked:
            report = self.trainer.train({seed: self._job(trained, seed, until=rung + 1)})[seed]
            if report.failure:
                return TierResult(tier="smoke", verdict="regressed", findings=(_failed(seed, report),))
            best = max(each.mean for each in report.rungs)
            words = f"seed {seed} got to {score(best)} within {count(report.steps)} steps; "
            words += f"{_locked(trained)} to {_band(rungs[rung], lows[rung])}"
            if best >= lows[rung]:
                return TierResult(tier="smoke", verdict="passed", reason=words)
            chance = luck(rungs[rung], best)
            found = [Finding(what="score", words=words + _noise(chance), luck=chance)]
        return TierResult(tier="smoke", verdict="regressed", findings=tuple(found))

    def _full(self, trained: Trained) -> TierResult:
        then, seeds = [each.score for each in trained.trainings], self._seeds(trained, self.trials.seeds)
        allowed = self._allowed(then)
        least = detectable(then, len(seeds), allowed)
        power = (
            f"a drop of {score(least)} or more is found with {POWER:.0%} (up to {score(allowed)} is let pass)"
            if least is not None
            else f"which drop {counted(len(seeds), 'seed')} can find is not known: {_locked(trained)} tells no spread"
        )
        self._announce("full", trained, len(seeds), trained.rungs, power)
        reports = self.trainer.train({seed: self._job(trained, seed, final=trained.confirmed) for seed in seeds})
        if failed := tuple(_failed(seed, report) for seed, report in reports.items() if report.failure):
            return TierResult(tier="full", verdict="regressed", findings=failed, detectable=least)
        now = [report.score for report in reports.values() if report.score is not None]
        sure = dropped(then, now, allowed)
        words = f"{_mean(now)} over {counted(len(now), 'seed')}, and {_mean(then)} over {_locked(trained)}"
        doubt = f"a drop of more than {score(allowed)}: {'unknown' if sure is None else f'{sure:.1%}'}"
        if sure is not None and sure >= LEVEL:
            chance = 1 - (dropped(then, now, 0.0) or 0.0)
            finding = Finding(what="score", words=f"{words}; {doubt}{_noise(chance)}", luck=chance)
            return TierResult(tier="full", verdict="regressed", findings=(finding,), drop=sure, detectable=least)
        if sure is not None and sure <= 1 - LEVEL:
            return TierResult(
                tier="full", verdict="passed", reason=f"{words}; {doubt}; {power}", drop=sure, detectable=least
            )
        reason = f"{words}; {doubt}: these seeds cannot tell; {power}; ask more: --seeds"
        return TierResult(tier="full", verdict="undecided", reason=reason, drop=sure, detectable=least)

    @cached_property
    def _reward_id(self) -> str:
        return analyse(self.kept.source, self.survey.names()).reward_id

    @property
    def _untrained(self) -> float:
        """What the best of the policies scores that nobody trained."""
        recorded = self.kept.recorded
        players = {player for player in recorded.players if player != "trained"}
        return max(float(recorded.scores[recorded.played(player)].mean()) for player in players)

    def _allowed(self, scores: Sequence[float]) -> float:
        """The drop of these scores that is let pass."""
        return self.trials.drop * abs(float(np.mean(scores)) - self._untrained)

    def _low(self, scores: Sequence[float]) -> float:
        """The lower end of the band of these scores."""
        mean, low = float(np.mean(scores)), lowest(scores)
        if low is None:
            return self._untrained + HALF * (mean - self._untrained)
        return min(low, mean - self._allowed(scores))

    def _seeds(self, trained: Trained, number: int) -> list[int]:
        """The first that its lock does not hold."""
        known = {each.seed for each in trained.trainings} | {s for each in self.kept.lock.scores for s in each.seeds}
        return [*islice((seed for seed in itertools.count(self.trials.seed) if seed not in known), number)]

    def _job(self, trained: Trained, seed: int, *, until: int | None = None, final: bool = False) -> TrainJob:
        reward = RewardSpec(kind="candidate", reward_id=self._reward_id, source=self.kept.source)
        budget = Budget(steps=trained.steps, rungs=trained.rungs, episodes=trained.episodes)
        return train_job(
            self.task, self.survey, reward, budget, seed=seed, final=final, until=until, unsafe=self.limits.unsafe
        )

    def _announce(self, tier: Tier, trained: Trained, trainings: int, rungs: int, more: str) -> None:
        """What it will cost, as fast as the trainings of its lock went, before anything starts."""
        steps = trained.steps * rungs // trained.rungs
        rounds = -(-trainings // self.trainer.executor.slots)
        taken = duration(rounds * (START_S + steps / trained.steps_per_second))
        most = counted(trainings, "training")
        self.trainer.note(f"{self.kept.name}: {tier}: {most} of {count(steps)} steps at most, about {taken}; {more}")


def _locked(trained: Trained) -> str:
    many = counted(len(trained.trainings), "locked seed")
    return many if trained.confirmed else f"{many} of the search, which chose by them"


def _band(scores: Sequence[float], low: float) -> str:
    if len(scores) < 2:
        return f"{score(scores[0])}, at least {score(low)}, which is half the way there: one seed tells no spread"
    return f"{_mean(scores)}, and at least {score(low)} with {LEVEL:.0%}"


def _mean(scores: Sequence[float]) -> str:
    spread = f" ± {score(float(np.std(scores, ddof=1)))}" if len(scores) > 1 else ""
    return score(float(np.mean(scores))) + spread


def _noise(chance: float | None) -> str:
    """How likely it is that nothing is wrong but the seeds."""
    return "" if chance is None else f"; seeds alone would do that with {chance:.2g}"


def _failed(seed: int, report: Report) -> Finding:
    assert report.failure is not None
    return Finding(what="training", words=f"seed {seed} failed after {report.steps:,} steps: {report.failure.message}")
