"""Locks a reward: what it is, where it comes from, what it pays on recorded episodes, how its trainings went."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from hashlib import sha256
from statistics import median

import numpy as np
import numpy.typing as npt

from rewardsmith import __version__
from rewardsmith.checking.kept import Kept
from rewardsmith.checking.recorded import Recorded, lengths, opening, pack, paid
from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.job import RewardLimits
from rewardsmith.domain.lock import (
    CurvePoint,
    Lock,
    LockedComponent,
    LockedScores,
    LockedSignal,
    LockedTraining,
    Provenance,
    Trained,
)
from rewardsmith.domain.report import Report
from rewardsmith.domain.run import Run
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.domain.task import Budget
from rewardsmith.errors import UsageError
from rewardsmith.reward.process import RewardFailed, RewardProcess, RewardRejected
from rewardsmith.search.archive import evenly, narrow, read_archive
from rewardsmith.search.filming import attempt_of
from rewardsmith.search.statistics import interval
from rewardsmith.store.artifacts import RunFolder

MOST_EPISODES = {"random": 4, "extreme": 6, "trained": 12}
"""Episodes that a lock keeps: they are files in somebody's repository."""


def record(
    run: Run, candidate: Candidate, survey: Survey, probe: Probe, folder: RunFolder, limits: RewardLimits,
    reads: Iterable[str] = (),
) -> Recorded:  # fmt: skip
    """The rows that the candidate is locked with: random, idle, reckless, and those of its best training.

    Args:
        run: The run of the candidate.
        candidate: A candidate with a trained policy.
        survey: What its environment offers.
        probe: The survey's rows.
        folder: Where its trainings left their archives.
        limits: Limits of the reward process.
        reads: Further signals that the rows shall hold, beside those that the candidate reads.

    Raises:
        UsageError: It was never trained, or fails on these rows.
        StoreError: Its archive cannot be read.
        InfrastructureError: Its process could not be run.
    """
    archived = read_archive(folder.attempt(attempt_of(run, candidate.id)) / "out", survey.signals)
    kept = archived.spread(MOST_EPISODES["trained"])
    with RewardProcess(candidate.source or "", survey.by_name(), limits=limits) as process:
        wanted = dict.fromkeys((*process.reads, *reads))
        scores = [episode.score for episode in survey.episodes]
        parts = [_few(probe, scores, ["random"] * len(scores), MOST_EPISODES["random"])]
        if probe.extremes is not None:
            scores = [episode.score for episode in survey.extremes]
            players: list[str] = [episode.policy for episode in survey.extremes]
            parts.append(_few(probe.extremes, scores, players, MOST_EPISODES["extreme"]))
        parts.append((kept.rows, list(kept.scores), ["trained"] * len(kept.scores)))
        arrays = {name: np.concatenate([narrow(rows.arrays[name]) for rows, _, _ in parts]) for name in wanted}
        rows = Probe(arrays, np.concatenate([rows.starts for rows, _, _ in parts]))
        try:
            columns = paid(process, rows)
        except RewardFailed as error:
            raise UsageError(f"{candidate.id} cannot be locked: {error.failure.message}") from error
    return Recorded(
        rows=rows,
        scores=np.array([score for _, scores, _ in parts for score in scores]),
        players=tuple(player for _, _, players in parts for player in players),
        paid=columns,
        opening=opening(survey, probe),
        lengths=lengths(survey),
    )


def lock(run: Run, candidate: Candidate, survey: Survey, recorded: Recorded, prompts: Mapping[str, str]) -> Lock:
    """The lock of a candidate that stands on these rows."""
    spec = run.spec
    assert spec is not None
    assert candidate.source is not None
    assert candidate.reward_id is not None
    name = candidate.twin or candidate.id
    reports = {key: report for key, report in run.reports.items() if key[1] == name and report.failure is None}
    return Lock(
        reward=candidate.reward_id,
        provenance=Provenance(
            run=spec.run,
            candidate=candidate.id,
            origin=candidate.origin,
            parents=candidate.parents,
            recipe=spec.recipe,
            model=candidate.author or spec.model,
            prompts=dict(prompts),
            made_with=__version__,
        ),
        task=spec.task,
        versions=survey.versions,
        dt=survey.dt,
        signals=_signals(survey, recorded.rows.arrays),
        components={name: _component(column) for name, column in recorded.paid.items()},
        recorded=sha256(pack(recorded)).hexdigest(),
        scored=candidate.reward_id,
        scores=_scores(reports),
        curve=_curve(reports.values()),
        trained=_trained(reports, spec.budget),
        source=tuple(candidate.source.splitlines()),
        view=tuple(survey.view.splitlines()),
    ).signed()


def relock(kept: Kept, survey: Survey, probe: Probe, limits: RewardLimits) -> Kept:
    """The reward as it is now, locked in the environment as it is here, on the rows that were recorded.

    Its scores stay those of the reward that was trained.

    Raises:
        UsageError: It is against the contract, reads what the rows do not hold, or fails on them.
        InfrastructureError: Its process could not be run.
    """
    again = "train it in a run and keep that: `rewardsmith evolve --start-reward`, then `export --lock`"
    signals = survey.by_name()
    try:
        with RewardProcess(kept.source, signals, limits=limits) as process:
            if missing := [name for name in process.reads if name not in kept.recorded.rows.arrays]:
                words = f"{kept.name} reads {', '.join(missing)}, which its recorded rows do not hold"
                raise UsageError(words, hint=again)
            recorded = replace(
                kept.recorded,
                paid=paid(process, kept.recorded.rows),
                opening=opening(survey, probe),
                lengths=lengths(survey),
            )
            reward, reads = process.analysis.reward_id, process.reads
    except (RewardRejected, RewardFailed) as refused:
        raise UsageError(f"{kept.name} cannot be locked: {refused.failure.message}") from refused
    locked = kept.lock.model_copy(
        update={
            "reward": reward,
            "versions": survey.versions,
            "dt": survey.dt,
            "signals": _signals(survey, reads),
            "components": {name: _component(column) for name, column in recorded.paid.items()},
            "recorded": sha256(pack(recorded)).hexdigest(),
            "source": tuple(kept.source.splitlines()),
            "view": tuple(survey.view.splitlines()),
        }
    )
    return replace(kept, lock=locked.signed(), recorded=recorded)


def _signals(survey: Survey, names: Container[str]) -> dict[str, LockedSignal]:
    return {signal.name: LockedSignal.of(signal) for signal in survey.signals if signal.name in names}


def _few(rows: Probe, scores: list[float], players: list[str], most: int) -> tuple[Probe, list[float], list[str]]:
    """At most so many episodes, evenly spread."""
    chosen = evenly(len(scores), most)
    return rows.only(chosen), [scores[i] for i in chosen], [players[i] for i in chosen]


def _component(column: npt.NDArray[np.float64]) -> LockedComponent:
    return LockedComponent(
        mean=float(column.mean()), std=float(column.std()), low=float(column.min()), high=float(column.max())
    )


def _scores(reports: Mapping[tuple[str, str, int], Report]) -> tuple[LockedScores, ...]:
    found: dict[int, dict[int, float]] = defaultdict(dict)
    for (_, _, seed), report in sorted(reports.items(), key=lambda each: each[0][2]):
        if report.score is not None:
            found[report.steps][seed] = report.score
    return tuple(LockedScores(steps=steps, seeds=found[steps]) for steps in sorted(found))


def _trained(reports: Mapping[tuple[str, str, int], Report], budget: Budget) -> Trained | None:
    """The confirmation's trainings; those of the comparison and the search where there are none."""
    whole = {key: report for key, report in reports.items() if len(report.rungs) == budget.rungs}
    confirmed = {key[2]: report for key, report in whole.items() if key[0] == "confirm"}
    chosen = confirmed or {key[2]: report for key, report in whole.items()}
    if not chosen:
        return None
    return Trained(
        steps=budget.steps,
        rungs=budget.rungs,
        episodes=budget.episodes,
        confirmed=bool(confirmed),
        steps_per_second=median(report.steps_per_second for report in chosen.values()),
        trainings=tuple(
            LockedTraining(seed=seed, rungs=tuple(rung.mean for rung in report.rungs), score=report.score)
            for seed, report in sorted(chosen.items())
            if report.score is not None
        ),
    )


def _curve(reports: Iterable[Report]) -> tuple[CurvePoint, ...]:
    rungs: dict[int, list[float]] = defaultdict(list)
    for report in reports:
        for rung in report.rungs:
            rungs[rung.steps].append(rung.mean)
    found = ((steps, interval(means)) for steps, means in sorted(rungs.items()))
    return tuple(CurvePoint(steps=steps, score=score) for steps, score in found if score is not None)
