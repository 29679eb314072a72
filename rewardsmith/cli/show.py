"""`rewardsmith show`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rewardsmith.cli.command import command
from rewardsmith.cli.options import json_option, workshop_options

if TYPE_CHECKING:
    from rewardsmith.app import Workshop
    from rewardsmith.client.remote import RemoteWorkshop


@command("show")
@click.argument("run")
@click.argument("candidate", required=False)
@workshop_options(server=True)
@json_option
def show(*, workshop: Workshop | RemoteWorkshop, run: str, candidate: str | None, as_json: bool) -> None:
    """Tell the whole story of a run, or of one of its candidates (such as g2c05)."""
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.reports.story import candidate_story, story

    told = workshop.run(run)
    if candidate is None:
        result = workshop.result(run)
        if as_json:
            emit_json(result)
        else:
            emit_text(story(told, result))
        return
    whole = workshop.candidate(run, candidate)
    if as_json:
        emit_json(whole)
    else:
        emit_text(candidate_story(told, whole.candidate, whole.folder))
