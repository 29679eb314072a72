"""`rewardsmith tasks`, `tasks show`, `tasks new`."""

from __future__ import annotations

from pathlib import Path

import click

from rewardsmith.cli.command import CONTEXT, Command
from rewardsmith.cli.options import json_option, server_option


@click.group("tasks", invoke_without_command=True, context_settings=CONTEXT)
@server_option
@json_option
@click.pass_context
def tasks(context: click.Context, *, server: str | None, as_json: bool) -> None:
    """List the tasks, yours in ./envs first, or those of a server."""
    if context.invoked_subcommand is not None:
        context.default_map = {"show": {"as_json": as_json, "server": server}, "new": {"as_json": as_json}}
        return
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.cli.options import open_workshop
    from rewardsmith.reports.words import table
    from rewardsmith.settings import Settings

    found = open_workshop(server, Settings()).task_lines()
    if as_json:
        emit_json(found)
        return
    rows = [
        [
            t.task,
            t.needs or "-",
            t.unit or "-",
            "yes" if t.stock_reward else "no",
            t.title or f"cannot be read: {t.fault}",
        ]
        for t in found
    ]
    emit_text(table(["task", "needs", "score in", "stock reward", "what it is"], rows))


@tasks.command("show", cls=Command)
@click.argument("task")
@server_option
@json_option
def show(*, task: str, server: str | None, as_json: bool) -> None:
    """Show one task: environment, score rule, trainer, budgets."""
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.cli.options import open_workshop
    from rewardsmith.reports.words import count, table
    from rewardsmith.settings import Settings

    found = open_workshop(server, Settings()).task(task)
    if as_json:
        emit_json(found)
        return
    trainer = found.trainer
    rows = [
        [name, count(b.steps), str(b.k or "-"), str(b.rungs), str(b.episodes), str(b.confirm_seeds)]
        for name, b in found.budgets.items()
    ]
    emit_text(
        "\n".join(
            [
                f"{found.name}: {found.title}",
                found.description,
                "",
                f"environment  {found.environment.label}, at most {found.environment.horizon} steps per episode"
                + ("" if found.environment.stock_reward else ", no stock reward for this task"),
                *([f"needs        {found.install}"] if found.install else []),
                *([f"needs        the {found.needs}, named in sandbox.toml"] if found.environment.foreign else []),
                f"score        {found.score.meaning}" + (f" ({found.score.unit})" if found.score.unit else ""),
                f"trainer      {trainer.algorithm}, {trainer.environments} environments; {trainer.source}",
                *(
                    f"--backend {name}  {other.algorithm}, {other.environments} environments; {other.source}"
                    for name, other in found.backends.items()
                ),
                "",
                table(["budget", "steps", "K", "rungs", "episodes", "confirming seeds"], rows),
                "",
                "score.py:",
                "",
                found.score.source.rstrip(),
            ]
        )
    )


@tasks.command("new", cls=Command)
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--gym", "gym_id", required=True, metavar="ID", help="Gymnasium id, such as MyEnv-v0.")
@json_option
def new(*, path: Path, gym_id: str, as_json: bool) -> None:
    """Make a task folder that runs, for you to fill in: the description, the score rule, the budgets."""
    from rewardsmith.app import Settings, Workshop
    from rewardsmith.catalogue.tasks import new_task
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.domain.offer import TaskSummary

    new_task(path, gym_id)
    made = Workshop(Settings()).task(str(path.resolve()))
    if as_json:
        emit_json(TaskSummary.of(made))
        return
    emit_text(
        f"made {path} for {gym_id}\n\n"
        f"Now say what the agent should do in {path / 'task.toml'} and how it is scored in {path / 'score.py'}, then:\n"
        f"  rewardsmith survey --env {path}\n"
        f"  rewardsmith evolve --env {path} --budget quick"
    )
