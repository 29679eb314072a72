"""`rewardsmith sink`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click

from rewardsmith.cli.command import command, option
from rewardsmith.cli.options import json_option, workshop_options

if TYPE_CHECKING:
    from rewardsmith.app import Workshop
    from rewardsmith.client.remote import RemoteWorkshop

_SINKS = {"mlflow": "MlflowSink", "wandb": "WandbSink"}


@command("sink")
@click.argument("tracker", type=click.Choice(sorted(_SINKS)))
@click.argument("run")
@option("--follow", is_flag=True, help="Go on until the run ends.")
@option("--project", metavar="NAME", default="rewardsmith", show_default=True, help="Project, or experiment.")
@option("--place", metavar="PLACE", help="MLflow's tracking URI, or W&B's folder; default: what its variables say.")
@workshop_options(server=True)
@json_option
def sink(
    *,
    workshop: Workshop | RemoteWorkshop,
    tracker: str,
    run: str,
    follow: bool,
    project: str,
    place: str | None,
    as_json: bool,
) -> None:
    """Copy a run's scores and costs to MLflow or Weights & Biases.

    It reads the run's events like every other reader, so it may be started late, stopped, and started again: MLflow,
    and Weights & Biases online, are told only what they do not know yet.
    """
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.domain.result import SinkResult
    from rewardsmith.errors import MissingExtra
    from rewardsmith.sinks.sink import feed

    try:
        room = import_module(f"rewardsmith.sinks.{tracker}")
    except ModuleNotFoundError as error:
        hint = f"pip install 'rewardsmith[{tracker}]'"
        raise MissingExtra(f"`rewardsmith sink {tracker}` needs the package {error.name}", hint=hint) from error
    told = feed(workshop.events(run, follow=follow), getattr(room, _SINKS[tracker])(project, place))
    if as_json:
        emit_json(SinkResult(run=run, status=told.status, tracker=tracker, project=project))
    else:
        emit_text(f"run {run} is {told.status}; {tracker} knows it as far as that, in {project}")
