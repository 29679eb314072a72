"""The table of tasks, made from their files.

`python -m rewardsmith.catalogue.table docs/tasks.md` writes it between the markers of that page.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from rewardsmith.catalogue.folders import find_folders
from rewardsmith.catalogue.tasks import list_tasks, load_task
from rewardsmith.domain.task import Budget, Task

BEGIN = "<!-- tasks: begin -->"
END = "<!-- tasks: end -->"
BUDGETS = ("quick", "standard", "full")


def task_table(tasks: Sequence[Task]) -> str:
    """Return a Markdown table of the tasks: what is scored, the unit, the stock reward, trainer and budgets."""
    head = ("task", "environment", "needs", "score", "unit", "solved at", "stock reward", "trainer", *BUDGETS)
    rows = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for task in tasks:
        cells = [
            f"`{task.name}`<br>{task.title}",
            f"`{task.environment.label}`, {task.environment.horizon} steps",
            f"`{task.needs}`" if task.needs else "",
            task.score.meaning,
            task.score.unit,
            "" if task.score.target is None else f"{task.score.target:g}",
            "yes" if task.environment.stock_reward else "no",
            task.trainer.algorithm.rpartition(".")[2],
            *(_budget(task.budgets.get(name)) for name in BUDGETS),
        ]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def with_table(page: str, table: str) -> str:
    """Return the page with what stands between its two markers replaced by `table`."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def _budget(budget: Budget | None) -> str:
    if budget is None:
        return ""
    steps = f"{budget.steps / 1e6:g}M" if budget.steps >= 1_000_000 else f"{budget.steps / 1e3:g}k"
    return steps if budget.k is None else f"{steps}, K = {budget.k}"


if __name__ == "__main__":
    folders = find_folders()
    page = Path(sys.argv[1])
    page.write_text(
        with_table(page.read_text(), task_table([load_task(name, folders) for name in list_tasks(folders)]))
    )
