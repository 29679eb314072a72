"""`rewardsmith resume`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rewardsmith.cli.command import command
from rewardsmith.cli.options import display_option, json_option, workshop_options

if TYPE_CHECKING:
    from rewardsmith.app import Workshop


@command("resume")
@click.argument("run")
@workshop_options(trains=True)
@display_option
@json_option
def resume(*, workshop: Workshop, run: str, display: str, as_json: bool) -> None:
    """Go on with a run that was interrupted, killed or paused.

    The run keeps what it was asked to do. No finished training is repeated and no stored completion is paid twice.
    """
    from rewardsmith.cli.display import open_display
    from rewardsmith.cli.ending import conclude, telling_so_far
    from rewardsmith.cli.interrupts import finishing_cleanly

    with (
        telling_so_far(workshop, run, as_json=as_json),
        open_display(display, as_json=as_json) as shown,
        finishing_cleanly(workshop.interrupt, shown.note),
    ):
        result = workshop.resume(run, shown.observe)
    conclude(workshop, result, as_json=as_json)
