"""`rewardsmith drive`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rewardsmith.cli.command import command
from rewardsmith.cli.options import display_option, json_option, runs_at_once_option, workshop_options

if TYPE_CHECKING:
    from rewardsmith.app import Workshop


@command("drive")
@runs_at_once_option
@workshop_options(trains=True)
@display_option
@json_option
def drive(*, workshop: Workshop, runs_at_once: int, display: str, as_json: bool) -> None:
    """Take the run whose turn it is in the queue, and drive it as `resume` does.

    `rewardsmith serve` starts these. Where none waits, or enough of the queue are driven, this ends at once.
    """
    from rewardsmith.cli.emit import emit_text
    from rewardsmith.cli.ending import conclude
    from rewardsmith.cli.interrupts import finishing_cleanly
    from rewardsmith.display.display import open_display
    from rewardsmith.service.desk import Desk

    with open_display(display, as_json=as_json) as shown, finishing_cleanly(workshop.interrupt, shown.note):
        result = Desk(workshop).drive(runs_at_once, shown.observe)
    if result is not None and result.status != "cancelled":
        conclude(workshop, result, as_json=as_json)
    elif result is None and not as_json:
        emit_text("no run waits, or enough are driven")
