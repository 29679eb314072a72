"""`rewardsmith show`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rewardsmith.cli.command import command
from rewardsmith.cli.options import json_option, workshop_options

if TYPE_CHECKING:
    from rewardsmith.app import Workshop


@command("show")
@click.argument("run")
@click.argument("candidate", required=False)
@workshop_options()
@json_option
def show(*, workshop: Workshop, run: str, candidate: str | None, as_json: bool) -> None:
    """Tell the whole story of a run, or of one of its candidates (such as g2c05)."""
    from rewardsmith.cli.chosen import find_candidate
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.domain.result import CandidateResult
    from rewardsmith.reports.story import candidate_story, story

    told = workshop.run(run)
    if candidate is None:
        result = workshop.result(run)
        if as_json:
            emit_json(result)
        else:
            emit_text(story(told, result))
        return
    found = find_candidate(told, candidate)
    folder = workshop.folder(run).candidate(found.id)
    if as_json:
        report = told.search_report(found)
        warnings = told.warned(found)
        emit_json(CandidateResult(run=run, candidate=found, report=report, warnings=warnings, folder=str(folder)))
    else:
        emit_text(candidate_story(told, found, str(folder)))
