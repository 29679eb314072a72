"""`rewardsmith export`."""

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


@command("export")
@click.argument("run")
@option("--candidate", help="Such as g2c05; default: the run's best.")
@option("--policy", is_flag=True, help="The trained policy as safetensors, with a loader, into the folder of -o.")
@option("--lock", is_flag=True, help="Beside the file: its lock and recorded rows, for `rewardsmith check`.")
@option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="File to write (a folder with --policy); default: the reward goes to standard output.",
)
@overwrite_option
@workshop_options(trains=True, server=True)
@json_option
def export(
    *,
    workshop: Workshop | RemoteWorkshop,
    run: str,
    candidate: str | None,
    policy: bool,
    lock: bool,
    output: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write a reward as one self-contained file, or the trained policy.

    With --lock the file is kept as a tested artifact: `rewardsmith check` compares it with what it was.

    The file holds the reward, where it comes from, and a Gymnasium wrapper; it needs numpy, gymnasium and the
    environment's own simulator, not rewardsmith.
    """
    from rewardsmith.checking.kept import lock_path, rows_path, write_kept
    from rewardsmith.cli.emit import emit_file, emit_json, emit_text
    from rewardsmith.domain.result import ExportResult
    from rewardsmith.errors import UsageError
    from rewardsmith.export.policy import FILES
    from rewardsmith.search.chosen import find_best, find_candidate

    if lock and (policy or output is None or output.suffix != ".py"):
        raise UsageError("--lock keeps a reward's file", hint="name it: --lock -o rewards/run.py, without --policy")
    told = workshop.run(run)
    if candidate is None:
        candidate = find_best(workshop.result(run)).candidate
    chosen = find_candidate(told, candidate).id
    if policy:
        folder = output or Path(f"{run}-{chosen}-policy")
        refuse_overwriting([folder / name for name in FILES], overwrite=overwrite)
        written = workshop.export_policy(run, chosen, folder)
    else:
        if output is not None:
            beside = [lock_path(output), rows_path(output)] if lock else []
            refuse_overwriting([output, *beside], overwrite=overwrite)
        text = workshop.export(run, chosen)
        if output is None:
            if as_json:
                raise UsageError("--json needs a file to write the reward to", hint="add -o reward.py")
            emit_file(text)
            return
        if lock:
            kept = workshop.keeper.keep(run, chosen)
            written = write_kept(output, text, kept.lock, kept.recorded)
        else:
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text(text, encoding="utf-8")
            written = [output]
    if as_json:
        emit_json(ExportResult(run=run, candidate=chosen, files=tuple(str(path) for path in written)))
    else:
        emit_text("\n".join(f"wrote {path}" for path in written))
