"""`rewardsmith screen`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rewardsmith.cli.command import command
from rewardsmith.cli.options import env_option, json_option, workshop_options

if TYPE_CHECKING:
    from rewardsmith.app import Workshop


@command("screen")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@env_option()
@workshop_options(trains=True)
@json_option
def screen(*, workshop: Workshop, files: tuple[str, ...], env: str, as_json: bool) -> None:
    """Say which gate each file passes or fails, and why. A file is a reward's source or a model's raw answer.

    Gates, cheapest first: parse, contract, policy, duplicate, probe. Exit code 1 when a file fails.
    """
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.errors import BelowThreshold

    results = workshop.screen(files, env)
    if as_json:
        emit_json(results)
    else:
        for each in results:
            if each.passed:
                emit_text(f"pass  {each.file}: components {', '.join(each.components) or 'none'}")
            else:
                kind = each.failure.kind if each.failure else "unknown"
                line = f", line {each.failure.line}" if each.failure and each.failure.line else ""
                emit_text(f"FAIL  {each.file}: {each.gate} ({kind}{line})")
                if each.failure:
                    emit_text(f"      {each.failure.message}")
    failed = sum(not each.passed for each in results)
    if failed:
        raise BelowThreshold(f"{failed} of {len(results)} files may not train")
