"""What a worker's report and survey must say to be believed: numbers that an honest worker could have written.

A file can be well made and still lie. What cannot be is a StoreError: the attempt counts as lost, and nothing of it
is recorded.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from rewardsmith.domain.job import MOST_SCORE, MOST_STEPS, TrainJob
from rewardsmith.domain.report import ComponentStatistics, Report, Rung
from rewardsmith.domain.survey import RecordedEpisode, Signal, Survey
from rewardsmith.domain.task import Task, Trainer
from rewardsmith.errors import StoreError, one_line
from rewardsmith.reward.frames import LONGEST_NAME, MOST_COMPONENTS
from rewardsmith.reward.process import BOUND

_MOST_ROLLOUT = 2048
"""Steps of each environment between two updates where the task does not say; no algorithm's default is more."""
_MOST_POINTS = 1000
_MOST_SECONDS = 1e9
_MOST_TEXT = 4000
_MOST_VIEW = 1 << 20
_NOT_A_WORKERS = frozenset({"worker_lost", "duplicate", "no_code"})
"""Kinds of failure that only the orchestrator gives."""


def check_report(report: Report, job: TrainJob) -> None:
    """Raise StoreError unless `report` could be what an honest worker says of `job`."""
    for fault in _report_faults(report, job):
        raise StoreError(f"the worker's report cannot be true: {fault}")


def check_survey(survey: Survey, task: Task | None = None) -> None:
    """Raise StoreError unless `survey` could be what an honest worker says, of `task` where that is known."""
    for fault in _survey_faults(survey, task):
        raise StoreError(f"the worker's survey cannot be true: {fault}")


def check_episodes(episodes: Sequence[RecordedEpisode], horizon: int) -> None:
    """Raise StoreError unless episodes of at most `horizon` steps can be such."""
    for fault in (fault for episode in episodes for fault in _episode_faults(episode, horizon)):
        raise StoreError(f"the worker's episodes cannot be true: {fault}")


def most_rollout(trainer: Trainer) -> int:
    """Most steps of each environment between two updates: what the task says, else what no default exceeds."""
    told = [trainer.settings.get(key) for key in ("n_steps", "train_freq")]
    whole = [n for value in told for n in (value if isinstance(value, list | tuple) else [value]) if isinstance(n, int)]
    return max(whole, default=_MOST_ROLLOUT)


def _report_faults(report: Report, job: TrainJob) -> Iterator[str]:
    if report.reward_id != job.reward.reward_id or report.seed != job.seed:
        yield "it is another training's"
    if not 0 <= report.steps <= _most_steps(job):
        yield f"{_told(report.steps)} steps of {job.steps}"
    if not 0 <= report.wall_s <= _MOST_SECONDS or not 0 <= report.steps_per_second <= MOST_STEPS:
        yield "its times"
    if report.failure is not None:
        yield from _failure_faults(report)
    elif len(report.rungs) < job.last or (job.final and report.final is None):
        yield "it tells of no failure, and scores are missing"
    if len(report.rungs) > job.last or (report.final is not None and not job.final):
        yield "it has scores that nobody asked for"
    scored = (*report.rungs, report.final) if report.final is not None else report.rungs
    for rung in scored:
        yield from _rung_faults(rung, job)
    if sum(sum(rung.lengths) for rung in scored) != report.scoring_steps:
        yield "its scoring steps are not the sum of its episodes"
    if not _rising([0, *(rung.steps for rung in report.rungs), report.steps]):
        yield "its rungs are not in order"
    means = [rung.mean for rung in report.rungs]
    if report.best_rung != (means.index(max(means)) if means else None):
        yield "its best rung is not the one with the highest score"
    elif report.final is not None and (report.best_rung is None or report.final.steps != _best(report).steps):
        yield "its final score is not the best rung's"
    yield from _component_faults(report, job)
    for point in report.episodes:
        if not 0 <= point.episodes <= point.steps or not 0 <= (point.mean_length or 0) <= MOST_STEPS:
            yield "its training episodes"
    if len(report.episodes) > _MOST_POINTS or not _rising([0, *(p.steps for p in report.episodes), report.steps]):
        yield "its training episodes are not in order"


def _failure_faults(report: Report) -> Iterator[str]:
    failure = report.failure
    assert failure is not None
    if failure.gate != "train" or failure.kind in _NOT_A_WORKERS:
        yield f"a worker does not fail with {failure.kind} at {failure.gate}"
    if not failure.message.isprintable() or not 1 <= (failure.line or 1) <= MOST_STEPS:
        yield "its failure cannot be printed"


def _rung_faults(rung: Rung, job: TrainJob) -> Iterator[str]:
    scores = rung.scores
    if len(scores) != job.episodes or len(rung.lengths) != job.episodes:
        yield f"a rung has {len(scores)} scores and {len(rung.lengths)} lengths of {job.episodes} episodes"
        return
    if len(rung.returns) not in (0, job.episodes) or not _bounded(rung.returns):
        yield "what its reward paid over the episodes"
    if not all(1 <= length <= job.task.environment.horizon for length in rung.lengths):
        yield f"an episode is longer than {job.task.environment.horizon} steps, or shorter than one"
    if not _bounded((*scores, rung.mean)):
        yield f"a score is above {MOST_SCORE:g} in magnitude"
    elif not math.isclose(rung.mean, sum(scores) / len(scores), rel_tol=1e-9, abs_tol=1e-9 * max(map(abs, scores))):
        yield "a mean is not that of its scores"
    if not 0 <= (rung.success or 0) <= 1:
        yield "a share of successes is none"


def _component_faults(report: Report, job: TrainJob) -> Iterator[str]:
    names = [component.name for component in report.components]
    if len(set(names)) != len(names) or len(names) > MOST_COMPONENTS + 1:
        yield "it has a component twice, or too many"
    bound = BOUND if job.reward.kind == "candidate" else MOST_SCORE
    for component in report.components:
        name = component.name
        if not name.isprintable() or not name.strip() or len(name) > LONGEST_NAME:
            yield f"no component is called {one_line(name, 60)!r}"
        elif not _credible(component, bound, report.steps):
            yield f"the statistics of component {name!r}"


def _credible(component: ComponentStatistics, bound: float, steps: int) -> bool:
    points, slack = component.points, 1e-6 * bound
    return (
        len(points) <= _MOST_POINTS
        and _rising([0, *(point.steps for point in points), steps])
        and -1 <= (component.correlation or 0) <= 1
        and all(
            -bound <= point.low <= point.high <= bound
            and point.low - slack <= point.mean <= point.high + slack
            and 0 <= point.std <= 2 * bound
            and 0 <= point.share <= 1
            for point in points
        )
    )


def _survey_faults(survey: Survey, task: Task | None) -> Iterator[str]:
    if task is not None and (survey.task, survey.fingerprint) != (task.name, task.fingerprint()):
        yield "it is another task's"
    if task is not None and survey.horizon != task.environment.horizon:
        yield f"its horizon is not {task.environment.horizon}"
    names = survey.names()
    if not names or len(set(names)) != len(names):
        yield "it has no signals, or one twice"
    for signal in survey.signals:
        yield from _signal_faults(signal)
    if len(survey.view) > _MOST_VIEW and (task is None or survey.view != task.view):
        yield f"its view of the environment has more than {_MOST_VIEW} characters"
    if not 0 < survey.dt <= _MOST_SECONDS or not 0 < survey.steps_per_second <= MOST_STEPS:
        yield "its times"
    if len(survey.action_low) != len(survey.action_high):
        yield "its bounds of the action"
    if not survey.episodes:
        yield "it has no episodes"
    for episode in (*survey.episodes, *survey.extremes):
        yield from _episode_faults(episode, survey.horizon)
    texts = (*survey.dropped_info, *survey.versions, *survey.versions.values())
    if any(len(text) > _MOST_TEXT for text in texts):
        yield "one of its texts is too long"


def _signal_faults(signal: Signal) -> Iterator[str]:
    name = signal.name
    if not name.isidentifier() or len(name) > _MOST_TEXT:
        yield f"no signal can be called {one_line(name, 60)!r}"
        return
    if any(length < 0 for length in signal.shape) or math.prod(signal.shape) > MOST_STEPS:
        yield f"the shape of signal {one_line(name, 60)}"
        return
    for statistics in (signal.mean, signal.std, signal.low, signal.high):
        if len(statistics) not in (0, math.prod(signal.shape)) or not _bounded(statistics):
            yield f"the statistics of signal {one_line(name, 60)}"
            return
    if any(len(text) > _MOST_TEXT for text in (signal.unit, signal.meaning, signal.reader)):
        yield f"what it says of signal {one_line(name, 60)} is too long"


def _episode_faults(episode: RecordedEpisode, horizon: int) -> Iterator[str]:
    if not 1 <= episode.length <= horizon:
        yield f"an episode of {_told(episode.length)} steps, of at most {horizon}"
    if not _bounded((episode.score,)):
        yield f"a score is above {MOST_SCORE:g} in magnitude"


def _most_steps(job: TrainJob) -> int:
    """Steps of a training whose every rung is rounded up to whole rollouts."""
    rollout = max(most_rollout(job.task.trainer), _MOST_ROLLOUT, job.task.environment.horizon)
    return job.steps + job.rungs * job.task.trainer.environments * rollout


def _best(report: Report) -> Rung:
    assert report.best_rung is not None
    return report.rungs[report.best_rung]


def _bounded(values: Sequence[float]) -> bool:
    return all(abs(value) <= MOST_SCORE for value in values)


def _rising(values: Sequence[int]) -> bool:
    return all(a <= b for a, b in itertools.pairwise(values))


def _told(number: int) -> str:
    """A number that may have thousands of digits."""
    return str(number) if abs(number) <= MOST_STEPS else "far too many"
