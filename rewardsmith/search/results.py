"""A run as the commands print it."""

from __future__ import annotations

from rewardsmith.domain.report import ComponentStatistics, Report
from rewardsmith.domain.result import (
    Baselines,
    Best,
    ComponentSummary,
    Interval,
    RunResult,
    RunSummary,
    ScreenFailure,
    Status,
    TrainResult,
    TrainScore,
)
from rewardsmith.domain.run import ENDED, Run
from rewardsmith.domain.survey import Survey
from rewardsmith.domain.task import ScoreRule
from rewardsmith.domain.warning import RewardWarning
from rewardsmith.search.calibration import calibration
from rewardsmith.search.selection import best
from rewardsmith.search.statistics import human_normalised, improvement, interval
from rewardsmith.store.artifacts import RunFolder


def result(run: Run, survey: Survey | None, folder: RunFolder, *, waits: bool = False) -> RunResult:
    """What `evolve`, `resume` and `show` print; it may wait for a driver."""
    assert run.spec is not None
    baselines = _baselines(run, survey)
    return RunResult(
        run=run.spec.run,
        status=status_of(run, waits=waits),
        reason=run.reason,
        task=run.spec.task.name,
        best=_best(run, baselines, folder),
        baselines=baselines,
        archive=calibration(run.turns()),
        usage=run.usage(),
        folder=str(folder.path),
    )


def standing(run: Run) -> str | None:
    """The candidate that the run stands by now: the confirmed winner, else the search's best."""
    if run.confirmed:
        return run.confirmed.winner
    found = best(run.turns())
    return found.candidate.id if found else None


def _best(run: Run, baselines: Baselines, folder: RunFolder) -> Best | None:
    subject = standing(run)
    if subject is None:
        return None
    ours, top = run.scores("confirm", subject), best(run.turns())
    confirmed, search_max = interval(ours, run.rule), top.score if top else None
    over = {name: improvement(ours, run.scores("baseline", name)) for name in ("human", "sparse")}
    normalised = None
    if confirmed and baselines.human and baselines.sparse:
        normalised = human_normalised(confirmed.mean, human=baselines.human.mean, sparse=baselines.sparse.mean)
    return Best(
        candidate=subject,
        score=confirmed,
        failed_seeds=run.failures("confirm", subject),
        search_max=search_max,
        gap=None if confirmed is None or search_max is None else search_max - confirmed.mean,
        improvement={name: found for name, found in over.items() if found},
        human_normalised=normalised,
        file=str(folder.candidate(subject) / "reward.py"),
        warnings=run.warned(run.candidates[subject]),
    )


def _baselines(run: Run, survey: Survey | None) -> Baselines:
    return Baselines(
        random=interval([episode.score for episode in survey.episodes], run.rule) if survey else _random(run),
        human=interval(run.scores("baseline", "human"), run.rule),
        sparse=interval(run.scores("baseline", "sparse"), run.rule),
    )


def _random(run: Run) -> Interval | None:
    if run.surveyed is None:
        return None
    return Interval(mean=run.surveyed.random_score, low=None, high=None, n=run.surveyed.episodes)


def status_of(run: Run, *, waits: bool) -> Status:
    """Where a run stands; `waits`: it is queued, and nobody drives it."""
    return "queued" if waits and run.status not in ENDED else run.status


def summary(run: Run, *, alive: bool, waits: bool = False, asker: str = "") -> RunSummary:
    """One line of `runs`."""
    assert run.spec is not None
    found = best(run.turns())
    confirmed = interval(run.scores("confirm", run.confirmed.winner), run.rule) if run.confirmed else None
    return RunSummary(
        run=run.spec.run,
        status=status_of(run, waits=waits),
        task=run.spec.task.name,
        recipe=run.spec.recipe,
        model=run.spec.model,
        generation=len(run.generations),
        iterations=run.spec.iterations,
        best=confirmed.mean if confirmed else found.score if found else None,
        alive=alive,
        updated=run.updated,
        asker=asker,
    )


def train_result(
    report: Report, folder: str, warnings: tuple[RewardWarning, ...] = (), rule: ScoreRule | None = None
) -> TrainResult:
    """What `train` prints."""
    score = None
    if report.scored is not None and report.failure is None:
        episodes = report.scored.scores
        over = interval(episodes, rule)
        assert over is not None
        score = TrainScore(**over.model_dump(), episodes=episodes)
    failure = report.failure
    return TrainResult(
        candidate=report.reward_id,
        score=score,
        steps=report.steps,
        steps_per_s=report.steps_per_second,
        wall_s=report.wall_s,
        components={c.name: component_summary(c) for c in report.components if c.points},
        warnings=warnings,
        folder=folder,
        failure=ScreenFailure(kind=failure.kind, line=failure.line, message=failure.message) if failure else None,
    )


def component_summary(component: ComponentStatistics) -> ComponentSummary:
    """The end of one component's way."""
    last = component.points[-1]
    return ComponentSummary(mean=last.mean, share=last.share, correlation=component.correlation)
