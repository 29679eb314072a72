"""What there is to work with, a line for each."""

from __future__ import annotations

from collections.abc import Container

from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.record import Record
from rewardsmith.domain.task import Task


class TaskSummary(Record):
    """One line of `tasks`, and `tasks new`."""

    task: str
    """Name of the task."""
    title: str
    """A few words."""
    environment: str
    """Gymnasium id."""
    description: str
    """What the agent should do."""
    score: str
    """What the score measures."""
    unit: str
    """Unit of the score."""
    stock_reward: bool
    """Whether there is a baseline `human`."""
    budgets: dict[str, int]
    """Steps of one training, by name of the budget."""
    needs: str = ""
    """What it needs beside a worker: an extra of rewardsmith, or an interpreter of its own; empty where nothing."""
    fault: str = ""
    """Why its folder cannot be read; nothing else but its name is known then."""

    @classmethod
    def of(cls, task: Task, interpreters: Container[str] = ()) -> TaskSummary:
        """The line of this task, where the sandbox names these interpreters."""
        foreign = task.environment.foreign
        absent = "" if foreign is None or foreign in interpreters else " (not named)"
        return cls(
            task=task.name,
            title=task.title,
            environment=task.environment.id,
            description=task.description,
            score=task.score.meaning,
            unit=task.score.unit,
            stock_reward=task.environment.stock_reward,
            budgets={name: budget.steps for name, budget in task.budgets.items()},
            needs=f"{task.needs}{absent}",
        )

    @classmethod
    def broken(cls, name: str, fault: str) -> TaskSummary:
        """The line of a task that cannot be read."""
        empty = dict.fromkeys(("title", "environment", "description", "score", "unit"), "")
        return cls(task=name, stock_reward=False, budgets={}, fault=fault, **empty)


class RecipeSummary(Record):
    """One line of `recipes`."""

    recipe: str
    """Name of the recipe."""
    title: str
    """A few words."""
    description: str
    """What it does."""
    k: int
    """Candidates per generation."""
    iterations: int
    """Generations."""
    sources: tuple[str, ...]
    """Papers and code that it follows."""
    fault: str = ""
    """Why its folder cannot be read; nothing else but its name is known then."""

    @classmethod
    def of(cls, recipe: Recipe) -> RecipeSummary:
        """The line of this recipe."""
        return cls(
            recipe=recipe.name,
            title=recipe.title,
            description=recipe.description,
            k=recipe.write.k,
            iterations=recipe.write.iterations,
            sources=recipe.sources,
        )

    @classmethod
    def broken(cls, name: str, fault: str) -> RecipeSummary:
        """The line of a recipe that cannot be read."""
        return cls(recipe=name, title="", description="", k=0, iterations=0, sources=(), fault=fault)


class ModelSummary(Record):
    """One kind of model."""

    model: str
    """Name of the kind."""
    form: str
    """How a request names such a model."""
