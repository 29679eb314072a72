"""The examples of a run: chosen once, when it begins."""

from __future__ import annotations

from collections.abc import Iterable

from rewardsmith.domain.example import Example
from rewardsmith.domain.recipe import RetrieveStage
from rewardsmith.domain.run import Run
from rewardsmith.domain.survey import Survey
from rewardsmith.domain.task import Task
from rewardsmith.retrieval.pool import pool
from rewardsmith.retrieval.similarity import similarities


def retrieve(stage: RetrieveStage, runs: Iterable[Run], task: Task, survey: Survey) -> tuple[Example, ...]:
    """The confirmed rewards of other tasks whose descriptions are nearest to this one's, the nearest first."""
    pairs = pool(runs, task, survey) if stage.examples else []
    if not pairs:
        return ()
    values, measure = similarities(task.description, [pair.description for pair in pairs], stage.encoder)
    told = [
        pair.model_copy(update={"similarity": round(value, 4), "measure": measure})
        for pair, value in zip(pairs, values, strict=True)
    ]
    return tuple(sorted(told, key=lambda pair: (-pair.similarity, pair.task))[: stage.examples])
