"""What a display shows of a run, computed from the run alone."""

from __future__ import annotations

from dataclasses import dataclass

from rewardsmith.domain.candidate import Candidate, candidate_id
from rewardsmith.domain.prompt import Usage
from rewardsmith.domain.run import Run
from rewardsmith.reports.costs import limits
from rewardsmith.search.selection import best


@dataclass(frozen=True)
class Row:
    """One candidate or baseline."""

    name: str
    origin: str
    stage: str
    rate: float | None
    """Training steps per second, all of its open trainings together."""
    score: float | None
    note: str
    """Its failure, in a line."""
    generation: int
    """0 for a baseline."""
    settled: bool
    """Nothing more will happen to it in the search."""


@dataclass(frozen=True)
class Board:
    """A run at one moment."""

    title: str
    rows: tuple[Row, ...]
    generation: int
    """The generation that is at work."""
    iterations: int
    best: tuple[str, float] | None
    """Best candidate of the search so far, with its score there."""
    winner: tuple[str, float] | None
    """The confirmed candidate, with the mean over the confirmation's seeds."""
    status: str
    """`running`, or how it stands."""
    baselines: tuple[tuple[str, float], ...]
    """Mean scores so far of `random`, `human` and `sparse`."""
    usage: Usage
    limits: str
    """What may be spent, in words; empty without a limit."""
    done: float
    """Share of the expected trainings that are done, 0 to 1."""
    expected_s: float | None
    """Seconds that the plan expected in all."""


def board(run: Run) -> Board:
    """The board of a run that has started."""
    assert run.spec is not None
    candidates = sorted(run.candidates.values(), key=lambda c: (c.generation, c.slot))
    generation = current_generation(run)
    rows = [_baseline(run, name) for name in run.spec.baselines if _began(run, name)]
    rows += [_candidate(run, each) for each in candidates]
    rows += _unwritten(run, generation)
    return Board(
        title=f"{run.spec.run} · {run.spec.task.title} · {run.spec.recipe} · {run.spec.model}",
        rows=tuple(rows),
        generation=generation,
        iterations=run.spec.iterations,
        best=best_so_far(run),
        winner=_winner(run),
        status=run.status,
        baselines=_baselines(run),
        usage=run.usage(),
        limits=limits(run.spec.stop),
        done=_done(run),
        expected_s=run.plan.wall_s if run.plan else None,
    )


def current_generation(run: Run) -> int:
    """The generation at work: one after the last that ended, at most the last one."""
    assert run.spec is not None
    seen = [c.key.generation for c in run.completions] + [c.generation for c in run.candidates.values()]
    return min(run.spec.iterations, max([1, *seen, *(g + 1 for g in run.generations)]))


def best_so_far(run: Run) -> tuple[str, float] | None:
    """The candidate with the highest score of the search."""
    found = best(run.turns())
    return None if found is None or found.score is None else (found.candidate.id, found.score)


def _winner(run: Run) -> tuple[str, float] | None:
    scores = run.scores("confirm", run.confirmed.winner) if run.confirmed else []
    return (run.confirmed.winner, sum(scores) / len(scores)) if run.confirmed and scores else None


def _began(run: Run, subject: str) -> bool:
    return any(key[:2] == ("baseline", subject) for key in [*run.open, *run.reports])


def _rate(run: Run, subject: str) -> float | None:
    rates = [p.steps_per_second for key, p in run.progress.items() if key[1] == subject]
    return sum(rates) if rates else None


def _baseline(run: Run, name: str) -> Row:
    assert run.spec is not None
    scores = run.scores("baseline", name)
    ended = sum(key[:2] == ("baseline", name) for key in run.reports)
    of = run.spec.budget.baseline_seeds
    stage = "done" if ended >= of else f"seed {ended + 1} of {of}"
    failures = [r.failure for key, r in run.reports.items() if key[:2] == ("baseline", name) and r.failure]
    return Row(
        name=name,
        origin="baseline",
        stage=stage,
        rate=_rate(run, name),
        score=sum(scores) / len(scores) if scores else None,
        note=failures[0].message if failures else "",
        generation=0,
        settled=ended >= of,
    )


def _candidate(run: Run, candidate: Candidate) -> Row:
    report = run.search_report(candidate)
    failure = run.failure_of(candidate)
    stage, settled = _stage(run, candidate)
    return Row(
        name=candidate.id,
        origin=candidate.origin,
        stage=stage,
        rate=_rate(run, candidate.id),
        score=report.score if report and not report.failure else None,
        note=f"{failure.kind}: {failure.message}" if failure and not candidate.twin else _warned(run, candidate),
        generation=candidate.generation,
        settled=settled,
    )


def _warned(run: Run, candidate: Candidate) -> str:
    warnings = () if candidate.twin else run.warned(candidate)
    return "warning: " + warnings[0].sentence if warnings else ""


def _stage(run: Run, candidate: Candidate) -> tuple[str, bool]:
    """Where a candidate stands, and whether the search is done with it."""
    assert run.spec is not None
    if candidate.twin:
        return f"same as {candidate.twin}", True
    if candidate.failure:
        return f"failed at {candidate.failure.gate}", True
    key = ("search", candidate.id, run.spec.seed)
    if key in run.open:
        moved = run.progress.get(key)
        return f"training {moved.steps / moved.of:.0%}" if moved else "training", False
    report = run.reports.get(key)
    if report is None and key in run.paused:
        return f"waiting at {run.paused[key].steps / run.spec.budget.steps:.0%}", False
    if report is None:
        return ("worker lost, waiting" if run.lost.get(key) else "waiting for a slot"), False
    if report.failure:
        return f"failed at {report.failure.gate}", True
    if run.stopped(candidate):
        return f"stopped at {report.steps / run.spec.budget.steps:.0%}", True
    return _confirmation(run, candidate.id), True


def _confirmation(run: Run, subject: str) -> str:
    assert run.spec is not None
    for purpose, of, doing, did in (
        ("confirm", run.spec.budget.confirm_seeds, "confirming", "confirmed"),
        ("compare", run.spec.budget.compare_seeds, "comparing", "compared"),
    ):
        ended = sum(key[:2] == (purpose, subject) for key in run.reports)
        if ended or any(key[:2] == (purpose, subject) for key in run.open):
            return did if ended >= of else f"{doing} {ended + 1} of {of}"
    return "scored"


def _unwritten(run: Run, generation: int) -> list[Row]:
    """Slots of the generation at work that hold no candidate yet."""
    assert run.spec is not None
    if run.status != "running" or run.confirmed or generation in run.generations or run.surveyed is None:
        return []
    answered = {c.key.slot: c.key.role for c in run.completions if c.key.generation == generation}
    rows = []
    for slot in range(run.spec.k):
        name = candidate_id(generation, slot)
        if name not in run.candidates:
            stage = {"designer": "screening", "repair": "screening a repair"}.get(
                answered.get(slot, ""), "being written"
            )
            rows.append(Row(name, "proposed", stage, None, None, "", generation, settled=False))
    return rows


def _baselines(run: Run) -> tuple[tuple[str, float], ...]:
    found = [("random", run.surveyed.random_score)] if run.surveyed else []
    for name in ("human", "sparse"):
        scores = run.scores("baseline", name)
        if scores:
            found.append((name, sum(scores) / len(scores)))
    return tuple(found)


def _done(run: Run) -> float:
    """Trainings done over trainings expected; what failed or is a duplicate is expected no more."""
    if run.plan is None or run.spec is None or not run.plan.trainings:
        return 0.0
    saved = sum(bool(c.failure or c.twin) for c in run.candidates.values())
    trained = sum(r.steps for key, r in run.paused.items() if key not in run.progress) / run.spec.budget.steps
    begun = len(run.reports) + trained + sum(p.steps / max(1, p.of) for p in run.progress.values())
    return min(1.0, begun / max(1, run.plan.trainings - saved))
