"""`rewardsmith schema`."""

from __future__ import annotations

from typing import Any

import click

from rewardsmith.cli.command import command
from rewardsmith.cli.options import json_option


def results() -> dict[str, Any]:
    """What each command prints with --json, by command; `error` is what every command prints when it fails."""
    from rewardsmith.domain import machine, result, upkeep
    from rewardsmith.domain.bench import BenchReport
    from rewardsmith.domain.difference import RecipeDiff
    from rewardsmith.domain.film import VideoResult
    from rewardsmith.domain.key import Key, NewKey
    from rewardsmith.domain.offer import RecipeSummary, TaskSummary
    from rewardsmith.domain.recipe import Recipe
    from rewardsmith.domain.regression import CheckResult, LockResult
    from rewardsmith.domain.request import ServeResult
    from rewardsmith.domain.sandbox import SandboxSpec
    from rewardsmith.domain.survey import Survey
    from rewardsmith.domain.task import Task

    return {
        "evolve": result.RunResult,
        "resume": result.RunResult,
        "cancel": result.RunResult,
        "drive": result.RunResult,
        "serve": ServeResult,
        "keys": list[Key],
        "keys add": NewKey,
        "keys renew": NewKey,
        "keys limit": Key,
        "keys revoke": Key,
        "db": upkeep.DatabaseState,
        "db migrate": upkeep.DatabaseMigration,
        "db check": upkeep.DatabaseCheck,
        "db copy": upkeep.DatabaseCopy,
        "runs": list[result.RunSummary],
        "show": result.RunResult,
        "show CANDIDATE": result.CandidateResult,
        "report": result.ReportResult,
        "diff": result.DiffResult,
        "video": VideoResult,
        "sink": result.SinkResult,
        "export": result.ExportResult,
        "train": result.TrainResult,
        "screen": list[result.ScreenResult],
        "check": list[CheckResult],
        "lock": list[LockResult],
        "tasks": list[TaskSummary],
        "tasks show": Task,
        "tasks new": TaskSummary,
        "survey": Survey,
        "recipes": list[RecipeSummary],
        "recipes show": Recipe,
        "recipes diff": RecipeDiff,
        "sandboxes": list[SandboxSpec],
        "sandboxes build": SandboxSpec,
        "prompts": result.PromptResult,
        "bench-model": BenchReport,
        "doctor": machine.MachineResult,
        "error": result.ErrorResult,
    }


@command("schema")
@click.argument("name", required=False, metavar="[COMMAND]")
@json_option
def schema(*, name: str | None, as_json: bool) -> None:  # noqa: ARG001
    """Print the JSON Schema of what a command prints with --json, or of all of them by command.

    Fields are only ever added.
    """
    from pydantic import TypeAdapter

    from rewardsmith.cli.emit import emit_json
    from rewardsmith.errors import UnknownName

    known = results()
    if name is not None and name not in known:
        raise UnknownName("result", name, known)
    chosen = known if name is None else {name: known[name]}
    schemas = {key: TypeAdapter(kind).json_schema(mode="serialization") for key, kind in chosen.items()}
    emit_json(schemas if name is None else schemas[name])
