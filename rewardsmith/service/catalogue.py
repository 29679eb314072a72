"""What a request may name: tasks, recipes, models."""

from __future__ import annotations

from fastapi import APIRouter

from rewardsmith.domain.offer import ModelSummary, RecipeSummary, TaskSummary
from rewardsmith.service.asked import TheDesk

routes = APIRouter(prefix="/v1", tags=["what there is to work with"])


@routes.get("/tasks")
def tasks(desk: TheDesk) -> list[TaskSummary]:
    """Every task of the server."""
    return [TaskSummary.of(task) for task in desk.workshop.tasks()]


@routes.get("/recipes")
def recipes(desk: TheDesk) -> list[RecipeSummary]:
    """Every recipe of the server."""
    return [RecipeSummary.of(recipe) for recipe in desk.workshop.recipes()]


@routes.get("/models")
def models(desk: TheDesk) -> list[ModelSummary]:
    """The kinds of models; their keys are in the server's own environment."""
    return desk.models()
