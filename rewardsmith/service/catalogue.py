"""What a request may name: tasks, recipes, models."""

from __future__ import annotations

from fastapi import APIRouter

from rewardsmith.catalogue.tasks import list_tasks
from rewardsmith.domain.inline import Name
from rewardsmith.domain.offer import ModelSummary, RecipeSummary, TaskSummary
from rewardsmith.domain.task import Task
from rewardsmith.errors import UnknownName
from rewardsmith.service.asked import TheDesk

routes = APIRouter(prefix="/v1", tags=["what there is to work with"])


@routes.get("/tasks")
def tasks(desk: TheDesk) -> list[TaskSummary]:
    """Every task of the server."""
    return desk.workshop.task_lines()


@routes.get("/tasks/{name}")
def task(name: Name, desk: TheDesk) -> Task:
    """One task, whole: environment, score rule, trainer, budgets."""
    if name not in (known := list_tasks(desk.workshop.folders)):
        raise UnknownName("task", name, known)
    return desk.workshop.task(name)


@routes.get("/recipes")
def recipes(desk: TheDesk) -> list[RecipeSummary]:
    """Every recipe of the server."""
    return desk.workshop.recipe_lines()


@routes.get("/models")
def models(desk: TheDesk) -> list[ModelSummary]:
    """The kinds of models; their keys are in the server's own environment."""
    return desk.models()
