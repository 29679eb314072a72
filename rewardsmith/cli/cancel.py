"""`rewardsmith cancel`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rewardsmith.cli.command import command
from rewardsmith.cli.options import json_option, workshop_options

if TYPE_CHECKING:
    from rewardsmith.app import Workshop
    from rewardsmith.client.remote import RemoteWorkshop


@command("cancel")
@click.argument("run")
@workshop_options(server=True)
@json_option
def cancel(*, workshop: Workshop | RemoteWorkshop, run: str, as_json: bool) -> None:
    """Cancel a run for good: its trainings are stopped, and what was finished is kept.

    Where another process drives the run, that one ends it, within about a second.
    """
    from rewardsmith.cli.emit import emit_json, emit_text

    workshop.cancel(run)
    result = workshop.result(run)
    if as_json:
        emit_json(result)
    elif result.status == "cancelled":
        emit_text(f"run {run} is cancelled")
    else:
        emit_text(f"run {run} is asked to stop; its process ends it within about a second")
