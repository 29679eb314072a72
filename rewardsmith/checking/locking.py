"""Locks a reward: what it is, where it comes from, what it pays on recorded episodes, how its trainings went."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from statistics import median

import numpy as np
import numpy.typing as npt

from rewardsmith import __version__
from rewardsmith.checking.kept import Kept
from rewardsmith.checking.recorded import Recorded, lengths, opening, paid
from rewardsmith.checking.simulator import Script
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
from rewardsmith.domain.plan import nameplate
from rewardsmith.domain.report import Report
from rewardsmith.domain.run import Run
from rewardsmith.domain.states import Played, SimulatorState
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.domain.task import Budget
from rewardsmith.errors import UsageError
from rewardsmith.reward.process import RewardFailed, RewardProcess, RewardRejected
from rewardsmith.search.archive import Archived, evenly, narrow, read_archive
from rewardsmith.search.filming import attempt_of
from rewardsmith.search.statistics import interval
from rewardsmith.store.artifacts import RunFolder

MOST_EPISODES = {"random": 4, "extreme": 6, "scripted": 9, "trained": 12}
"""Episodes that a lock keeps: they are files in somebody's repository."""
MOST_ACTIONS = 1000
"""Of a trained agent's episode, for states to be taken from."""


def record(
    run: Run, candidate: Candidate, survey: Survey, probe: Probe, folder: RunFolder, limits: RewardLimits,
    reads: Iterable[str] = (), script: Callable[[Sequence[Played]], Script] | None = None,
) -> Recorded:  # fmt: skip
    """The rows that the candidate is locked with: random, idle, reckless, scripted, and those of its best training.

    Args:
        run: The run of the candidate.
        candidate: A candidate with a trained policy.
        survey: What its environment offers.
        probe: The survey's rows.
        folder: Where its trainings left their archives.
        limits: Limits of the reward process.
        reads: Further signals that the rows shall hold, beside those that the candidate reads.
        script: Plays scripted policies and keeps states, of what trained agents did too; without it there are none.

    Raises:
        UsageError: It was never trained, or fails on these rows.
        StoreError: Its archive cannot be read.
        InfrastructureError: Its process could not be run.
    """
    archived = read_archive(folder.out(attempt_of(run, candidate.id)), survey.signals)
    kept = archived.spread(MOST_EPISODES["trained"])
    played = script(_played(archived)) if script else Script()
    with RewardProcess(candidate.source or "", survey.by_name(), limits=limits) as process:
        wanted = dict.fromkeys((*process.reads, *reads))
        scores = [episode.score for episode in survey.episodes]
        parts = [_few(probe, scores, ["random"] * len(scores), MOST_EPISODES["random"])]
        if probe.extremes is not None:
            scores = [episode.score for episode in survey.extremes]
            players: list[str] = [episode.policy for episode in survey.extremes]
            parts.append(_few(probe.extremes, scores, players, MOST_EPISODES["extreme"]))
        if played.rows is not None:
            scores, players = [each.score for each in played.episodes], [each.policy for each in played.episodes]
            parts.append(_few(played.rows, scores, players, MOST_EPISODES["scripted"]))
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
        states=played.states,
        stepped=played.stepped,
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
            model=nameplate(candidate.author or spec.model),
            prompts=dict(prompts),
            made_with=__version__,
        ),
        task=spec.task,
        versions=survey.versions,
        dt=survey.dt,
        signals=_signals(survey, recorded.rows.arrays),
        components={name: _component(column) for name, column in recorded.paid.items()},
        recorded=sha256(recorded.packed).hexdigest(),
        scored=candidate.reward_id,
        scores=_scores(reports),
        curve=_curve(reports.values()),
        trained=_trained(reports, spec.budget),
        source=tuple(candidate.source.splitlines()),
        view=tuple(survey.view.splitlines()),
    ).signed()


def relock(
    kept: Kept,
    survey: Survey,
    probe: Probe,
    limits: RewardLimits,
    *,
    again: Callable[[Sequence[SimulatorState]], Probe | str],
    script: Callable[[], Script],
) -> Kept:
    """The reward as it is now, locked in the environment as it is here, on the rows that were recorded.

    Its scores stay those of the reward that was trained, and its states of the simulator what they were, if it has any
    and they still fit.

    Raises:
        UsageError: It is against the contract, reads what the rows do not hold, or fails on them.
        InfrastructureError: Its process could not be run.
    """
    hint = "train it in a run and keep that: `rewardsmith evolve --start-reward`, then `export --lock`"
    signals = survey.by_name()
    try:
        with RewardProcess(kept.source, signals, limits=limits) as process:
            if missing := [name for name in process.reads if name not in kept.recorded.rows.arrays]:
                words = f"{kept.name} reads {', '.join(missing)}, which its recorded rows do not hold"
                raise UsageError(words, hint=hint)
            states, steps = kept.recorded.states, again(kept.recorded.states) if kept.recorded.states else ""
            fresh = script() if isinstance(steps, str) else Script(states=states, stepped=steps)
            recorded = replace(
                kept.recorded,
                states=fresh.states,
                stepped=fresh.stepped,
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
            "recorded": sha256(recorded.packed).hexdigest(),
            "source": tuple(kept.source.splitlines()),
            "view": tuple(survey.view.splitlines()),
        }
    )
    return replace(kept, lock=locked.signed(), recorded=recorded)


def _signals(survey: Survey, names: Container[str]) -> dict[str, LockedSignal]:
    return {signal.name: LockedSignal.of(signal) for signal in survey.signals if signal.name in names}


def _played(archived: Archived) -> list[Played]:
    """What the agents of the best and of the first archived rung did in their first episode."""
    if "action" not in archived.rows.arrays:
        return []
    steps = np.asarray(archived.steps)
    chosen = {int(np.flatnonzero(steps == rung)[0]) for rung in (archived.best().steps[0], steps.min())}
    episodes = [*archived.rows.episodes()]
    found = []
    for i in sorted(chosen):
        actions = archived.rows.arrays["action"][episodes[i]][:MOST_ACTIONS].astype(np.float64)
        found.append(Played(actions=tuple(map(tuple, actions.reshape(len(actions), -1).tolist()))))
    return found


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
