"""`rewardsmith runs`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from rewardsmith.cli.command import command
from rewardsmith.cli.options import json_option, workshop_options

if TYPE_CHECKING:
    from rewardsmith.app import Workshop
    from rewardsmith.client.remote import RemoteWorkshop


@command("runs")
@workshop_options(server=True)
@json_option
def runs(*, workshop: Workshop | RemoteWorkshop, as_json: bool) -> None:
    """List the runs of a folder, the latest first."""
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.reports.words import score, table

    found = sorted(workshop.runs(), key=lambda each: -each.updated)
    if as_json:
        emit_json(found)
        return
    if not found:
        emit_text(f"no runs yet in {workshop.place}; `rewardsmith evolve --env ant` makes one")
        return
    rows = [
        [
            each.run,
            "killed (resume it)" if each.status == "running" and not each.alive else each.status,
            each.task,
            each.recipe,
            each.model,
            f"{each.generation} of {each.iterations}",
            score(each.best),
            datetime.fromtimestamp(each.updated).strftime("%Y-%m-%d %H:%M"),
        ]
        for each in found
    ]
    emit_text(table(["run", "status", "task", "recipe", "model", "generation", "best", "last event"], rows))
