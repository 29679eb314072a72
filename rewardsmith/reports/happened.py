"""What happened, a line for each event."""

from __future__ import annotations

from rewardsmith.domain.candidate import same_as
from rewardsmith.domain.events import (
    Analysed,
    Attempt,
    AttemptEnded,
    AttemptProgressed,
    Completed,
    Confirmed,
    Event,
    FeedbackGiven,
    GenerationEnded,
    Raced,
    Said,
    Screened,
    StatusChanged,
    Surveyed,
)
from rewardsmith.domain.run import Run
from rewardsmith.reports.outcomes import value
from rewardsmith.reports.remarks import given, told
from rewardsmith.reports.words import ABSENT, count, counted, duration, score


def happened(event: Event, run: Run) -> str:
    """The event in a line, seen from the run as it then stood; empty where it deserves none."""
    match event:
        case Surveyed(random_score=value, episodes=n):
            return f"survey: random actions score {score(value)} over {n} episodes"
        case Completed(key=key, recorded_hash=str()):
            return f"generation {key.generation}, slot {key.slot}: the prompt differs from the recorded one"
        case Screened(candidate=candidate) if candidate.twin:
            return f"{candidate.id}: {same_as(candidate.twin, candidate.twin_factor)}"
        case Screened(candidate=candidate) if candidate.failure:
            failure = candidate.failure
            line = f", line {failure.line}" if failure.line else ""
            return f"{candidate.id}: failed at {failure.gate} ({failure.kind}{line}): {failure.message}"
        case Screened(candidate=candidate):
            repaired = f" after {counted(len(candidate.repairs), 'repair')}" if candidate.repairs else ""
            reviews = f", {counted(len(candidate.reviews), 'review')}" if candidate.reviews else ""
            return f"{candidate.id}: {candidate.origin}, may train{repaired}{reviews}"
        case Analysed(candidate=name, analysis=analysis):
            return f"{name}: analysed" if not analysis.without else f"{name}: not analysed: {analysis.without}"
        case AttemptProgressed(attempt=attempt, progress=progress):
            return (
                f"{named(attempt)}: {count(progress.steps)} of {count(progress.of)} steps, "
                f"{progress.steps_per_second:.0f} steps/s, score {score(progress.score)}"
            )
        case AttemptEnded() as ended:
            return _ended(ended)
        case Raced(candidate=name, goes_on=False, chance=chance):
            return f"{name}: stopped early, its chance to lead is {chance:.0%}"
        case GenerationEnded() as ended:
            return _generation(run, ended)
        case Said(remark=remark):
            return told(remark)
        case FeedbackGiven() as feedback:
            return given(feedback)
        case Confirmed(winner=winner):
            return f"the winner is {winner}"
        case StatusChanged(status=status, reason=reason):
            return f"run is {status}" + (f": {reason}" if reason else "")
        case _:
            return ""


def named(attempt: Attempt) -> str:
    """The subject of a training, with its purpose and seed where it is not the search's."""
    return (
        attempt.subject
        if attempt.purpose == "search"
        else f"{attempt.subject} ({attempt.purpose}, seed {attempt.seed})"
    )


def _ended(ended: AttemptEnded) -> str:
    name, report = named(ended.attempt), ended.report
    if ended.stopped:
        return f"{name}: stopped; its checkpoint is kept"
    if report is None:
        return f"{name}: its worker was lost ({ended.lost}); the training goes on from its last checkpoint"
    if report.failure:
        return f"{name}: failed at {report.failure.gate} ({report.failure.kind}): {report.failure.message}"
    if ended.attempt.until is not None:
        return f"{name}: score {score(report.score)} after {count(report.steps)} steps"
    fewer = "" if report.worlds is None else f", in {report.worlds} worlds, for want of memory"
    return (
        f"{name}: score {score(report.score)}, {report.steps_per_second:.0f} steps/s, {duration(report.wall_s)}{fewer}"
    )


def _generation(run: Run, ended: GenerationEnded) -> str:
    assert run.spec is not None
    best = ended.best
    overall = ended.best_overall
    found = "no valid candidate"
    if best is not None:
        found = f"best {best} with {_scored(run, best)}"
    so_far = f"; best so far {overall} with {_scored(run, overall)}" if overall else ""
    warned = f"; warnings about {', '.join(sorted(ended.warnings))}" if ended.warnings else ""
    return f"generation {ended.generation} of {run.spec.iterations} ended: {found}{so_far}{warned}"


def _scored(run: Run, name: str) -> str:
    return score(value(run, run.candidates[name])) if name in run.candidates else ABSENT
