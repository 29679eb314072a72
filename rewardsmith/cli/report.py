"""`rewardsmith report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rewardsmith.cli.command import command, option
from rewardsmith.cli.options import json_option, workshop_options
from rewardsmith.cli.writing import overwrite_option, refuse_overwriting

if TYPE_CHECKING:
    from rewardsmith.app import Workshop
    from rewardsmith.client.remote import RemoteWorkshop


@command("report")
@click.argument("run")
@option(
    "--output",
    "-o",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Folder to write to; default: the run's own, where both are written anew.",
)
@overwrite_option
@workshop_options(server=True)
@json_option
def report(
    *, workshop: Workshop | RemoteWorkshop, run: str, output: Path | None, overwrite: bool, as_json: bool
) -> None:
    """Write a run's report: one HTML page that needs nothing else, and the same story as Markdown.

    Curves with intervals, lineage, components, costs, the code and its diff, prompts and answers, warnings and
    failures. The run may still be going on; `evolve` and `resume` leave a report in the run's folder when they end.
    """
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.domain.result import ReportResult
    from rewardsmith.reports.files import PAGES

    if output is not None:
        refuse_overwriting([output / page for page in PAGES], overwrite=overwrite)
    written = workshop.report(run, output)
    if as_json:
        emit_json(ReportResult(run=run, files=tuple(str(path) for path in written)))
    else:
        emit_text("\n".join(f"wrote {path}" for path in written))
