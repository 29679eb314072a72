"""`rewardsmith resume`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rewardsmith.cli.command import command, option
from rewardsmith.cli.options import display_option, json_option, workshop_options

if TYPE_CHECKING:
    from rewardsmith.app import Workshop
    from rewardsmith.client.remote import RemoteWorkshop


@command("resume")
@click.argument("run")
@option("--human", is_flag=True, help="Ask you after each generation; a run that was begun so asks anyway.")
@option("--unwatched", is_flag=True, help="Ask nobody any more, neither you nor a vision model.")
@workshop_options(trains=True, server=True)
@display_option
@json_option
def resume(
    *, workshop: Workshop | RemoteWorkshop, run: str, human: bool, unwatched: bool, display: str, as_json: bool
) -> None:
    """Go on with a run that was interrupted, killed or paused.

    The run keeps what it was asked to do. No finished training is repeated and no stored completion is paid twice.
    """
    from rewardsmith.app import PERSON
    from rewardsmith.cli.ending import conclude, telling_so_far
    from rewardsmith.cli.interrupts import finishing_cleanly
    from rewardsmith.cli.person import find_person
    from rewardsmith.display.display import open_display

    spec = workshop.run(run).spec
    asks = not unwatched and (human or (spec is not None and spec.watcher == PERSON))
    with (
        telling_so_far(workshop, run, as_json=as_json),
        open_display(display, as_json=as_json) as shown,
        finishing_cleanly(workshop.interrupt, shown.note),
    ):
        person = find_person(shown.aside) if asks else None
        result = workshop.resume(run, shown.observe, person=person, watched=not unwatched)
    conclude(workshop, result, as_json=as_json)
