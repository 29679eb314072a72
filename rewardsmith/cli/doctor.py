"""`rewardsmith doctor`."""

from __future__ import annotations

import os
import shutil
import textwrap
from typing import TYPE_CHECKING

from rewardsmith.cli.command import command, option
from rewardsmith.cli.options import json_option, workshop_options

if TYPE_CHECKING:
    from rewardsmith.app import Workshop
    from rewardsmith.domain.machine import AttackCheck, MachineCheck, MachineResult


@command("doctor")
@workshop_options(trains=True)
@option("--model", metavar="NAME", heading="Model", help="Who would write; its server is asked, for nothing.")
@option("--base-url", metavar="URL", heading="Model", help="A server that speaks OpenAI's protocol.")
@json_option
def doctor(*, workshop: Workshop, model: str | None, base_url: str | None, as_json: bool) -> None:
    """Say whether evolve would start here, with the same options, and what to do if not.

    Everything is tried, not read: locked processes are started and really attack canaries, a worker looks around in
    its sandbox, the database is opened. Nothing is left behind, and no key is shown.

    Exit code 3 when `evolve` would refuse, or when an attack was not stopped that should have been.
    """
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.diagnosis.examination import examine
    from rewardsmith.errors import InfrastructureError

    found = examine(workshop.settings, workshop.folders, model=model, base_url=base_url, environ=os.environ)
    if as_json:
        emit_json(found)
    else:
        emit_text(_page(found))
    if not found.ready:
        lacking = [each for each in found.checks if each.needed and not each.ok]
        names = [each.name for each in lacking] or ["an attack was not stopped"]
        hint = (lacking[0].remedy or lacking[0].detail) if lacking else "see the table of attacks"
        raise InfrastructureError(f"evolve would refuse to start here: {', '.join(names)}", hint=hint)


def _page(found: MachineResult) -> str:
    width = max(len(each.name) for each in found.checks)
    lines = [found.system]
    for group in dict.fromkeys(each.group for each in found.checks):
        lines += ["", group]
        for each in found.checks:
            if each.group == group:
                lines += _wrapped(f"  {_mark(each):7}  {each.name:{width}}  ", each.detail)
                lines += _wrapped(" " * (width + 13) + "-> ", each.remedy) if each.remedy else []
    return "\n".join([*lines, *_attacks(found.attacks), "", _verdict(found)])


def _wrapped(head: str, text: str) -> list[str]:
    """`text` behind `head`, broken at the terminal's width below its own beginning."""
    room = max(40, shutil.get_terminal_size((120, 24)).columns - len(head))
    first, *more = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]
    return [head + first, *(" " * len(head) + line for line in more)]


def _mark(check: MachineCheck) -> str:
    if not check.ok:
        return "MISSING" if check.needed else "-"
    return "warning" if check.warning else "ok"


def _attacks(attacks: tuple[AttackCheck, ...]) -> list[str]:
    """The attacks, a line each, with a column for each place."""
    from rewardsmith.reports.words import table

    if not attacks:
        return []
    places = list(dict.fromkeys(each.place for each in attacks))
    found = {(each.attack, each.place): _told(each) for each in attacks}
    names = list(dict.fromkeys(each.attack for each in attacks))
    rows = [[name, *(found.get((name, place), "") for place in places)] for name in names]
    return ["", "Real attacks, here and now", "", table(["", *places], rows)]


def _told(attack: AttackCheck) -> str:
    if attack.stopped:
        return "stopped"
    return "NOT STOPPED" if attack.needed else "not stopped"


def _verdict(found: MachineResult) -> str:
    if found.ready:
        return f"evolve would start here, its workers in {found.sandbox}."
    if any(each.needed and not each.ok for each in found.checks):
        return "evolve would refuse to start here."
    return "An attack was not stopped: trust no reward on this machine."
