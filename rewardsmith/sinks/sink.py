"""The seam of a tracker, and what it is told of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from rewardsmith.domain.events import AttemptEnded, Confirmed, GenerationEnded, StatusChanged, StoredEvent
from rewardsmith.domain.plan import RunSpec
from rewardsmith.domain.run import ENDED, Run
from rewardsmith.search.selection import best
from rewardsmith.search.statistics import interval


class Sink(Protocol):
    """One run at a tracker. Methods raise InfrastructureError where the tracker cannot be used."""

    def open(self, settings: Mapping[str, str]) -> int:
        """Begin, or go on with, the run's entry; the id of the last event that it was told of, 0 for none."""
        ...

    def tell(self, numbers: Mapping[str, float], event: StoredEvent, step: int) -> None:
        """Numbers by name as of `event`; `step` is the environment steps that the run had taken."""
        ...

    def close(self, status: str, files: Mapping[str, str]) -> None:
        """Leave the entry in that status (of a run), with texts by file name."""
        ...


def settings_of(spec: RunSpec) -> dict[str, str]:
    """What a run was asked to do, a word for each."""
    return {
        "run": spec.run,
        "task": spec.task.name,
        "recipe": spec.recipe,
        "model": spec.model,
        "budget": spec.budget_name,
        "steps": str(spec.budget.steps),
        "iterations": str(spec.iterations),
        "k": str(spec.k),
        "seed": str(spec.seed),
        "score": spec.task.score.unit or "no unit",
    }


def numbers_of(stored: StoredEvent, run: Run) -> dict[str, float]:
    """What an event adds, seen from the run up to it; empty where that is nothing a curve could show."""
    event, found = stored.event, {}
    if isinstance(event, AttemptEnded) and event.report is not None and event.report.score is not None:
        found[f"{event.attempt.purpose}/score"] = event.report.score
        if (leads := best(run.turns())) and leads.score is not None:
            found["best/score"] = leads.score
    if isinstance(event, GenerationEnded):
        found["generation"] = float(event.generation)
    won = run.confirmed.winner if run.confirmed else None
    if won and isinstance(event, AttemptEnded | Confirmed) and (over := interval(run.scores("confirm", won), run.rule)):
        found["confirmed/mean"] = over.mean
        found |= {f"confirmed/{end}": value for end in ("low", "high") if (value := getattr(over, end)) is not None}
    if found:
        usage = run.usage()
        found |= {f"spent/{name}": float(getattr(usage, name)) for name in ("steps", "trainings", "tokens", "dollars")}
    return found


def feed(events: Iterable[StoredEvent], sink: Sink) -> Run:
    """Tell `sink` of every event that it does not know yet; the run that they tell of.

    Args:
        events: Of one run, from its first; may wait for the next.
        sink: It is closed in the end, also where the events end early.
    """
    run, known = Run(), -1
    try:
        for event in events:
            run.apply(event)
            assert run.spec is not None
            known = sink.open(settings_of(run.spec)) if known < 0 else known
            if event.id > known and (numbers := numbers_of(event, run)):
                sink.tell(numbers, event, run.usage().steps)
            if isinstance(event.event, StatusChanged) and event.event.status in ENDED:
                break
    finally:
        if known >= 0:
            sink.close(run.status, _files(run))
    return run


def _files(run: Run) -> dict[str, str]:
    """The reward that the run stands by."""
    leads = best(run.turns())
    name = run.confirmed.winner if run.confirmed else leads.candidate.id if leads else None
    source = run.candidates[name].source if name else None
    return {"reward.py": source} if source else {}
