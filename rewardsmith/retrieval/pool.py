"""The pool: a pair of instruction and reward for each task of which a run was confirmed."""

from __future__ import annotations

from collections.abc import Iterable

from rewardsmith.domain.example import Example
from rewardsmith.domain.run import Run
from rewardsmith.domain.survey import Survey
from rewardsmith.domain.task import Task

LONGEST = 8000
"""Characters of a reward; a longer one would crowd out what it is an example for."""


def pool(runs: Iterable[Run], task: Task, survey: Survey) -> list[Example]:
    """Of each other task the best confirmed reward that reads nothing but what this environment has.

    Args:
        runs: Every run that there is.
        task: The task that examples are wanted for; its own runs, whatever they are called, are left out.
        survey: Its environment.
    """
    known = set(survey.names())
    best: dict[str, Example] = {}
    for run in runs:
        pair = _pair(run)
        if pair is None or pair.task == task.name or pair.description == task.description:
            continue
        if not all(name in known or name.removeprefix("prev_") in known for name in pair.signals):
            continue
        if pair.task not in best or pair.score > best[pair.task].score:
            best[pair.task] = pair
    return [best[name] for name in sorted(best)]


def _pair(run: Run) -> Example | None:
    """What a run confirmed; None where it confirmed nothing that could be shown."""
    if run.spec is None or run.confirmed is None:
        return None
    winner, scores = run.candidates.get(run.confirmed.winner), run.scores("confirm", run.confirmed.winner)
    if winner is None or not winner.source or not scores or not _shown(winner.source):
        return None
    return Example(
        run=run.spec.run,
        candidate=winner.id,
        task=run.spec.task.name,
        description=run.spec.task.description,
        source=winner.source,
        score=sum(scores) / len(scores),
        signals=winner.signals,
    )


def _shown(source: str) -> bool:
    """Whether a prompt may show a source: short enough, and nothing in it that a reader would not see."""
    return len(source) <= LONGEST and all(c.isprintable() or c in "\n\t" for c in source)
