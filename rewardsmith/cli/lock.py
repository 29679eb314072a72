"""`rewardsmith lock`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rewardsmith.cli.command import command, option
from rewardsmith.cli.options import json_option, workshop_options

if TYPE_CHECKING:
    from rewardsmith.app import Workshop


@command("lock")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@option("--update", is_flag=True, help="Write the locks anew.")
@workshop_options(trains=True)
@json_option
def lock(*, workshop: Workshop, files: tuple[Path, ...], update: bool, as_json: bool) -> None:
    """Show how the locks of kept rewards differ from what the rewards are now; with --update, write them anew.

    For a change that is meant: of the reward, of the environment, of a simulator's version. Scores and learning curve
    stay those of the reward that was trained. Exit code 1 where a lock differs and was not written.
    """
    from difflib import unified_diff

    from rewardsmith.checking.kept import lock_path, lock_text, read_kept, write_lock
    from rewardsmith.cli.emit import emit_json, emit_text
    from rewardsmith.domain.regression import LockResult
    from rewardsmith.errors import BelowThreshold

    results = []
    for file in files:
        kept = read_kept(file)
        again = workshop.keeper.relock(kept)
        before, after = (lock_text(each.lock).splitlines() for each in (kept, again))
        diff = tuple(unified_diff(before, after, str(lock_path(file)), "now", lineterm="", n=1))
        written = write_lock(file, again.lock, again.recorded) if diff and update else []
        results.append(LockResult(reward=str(file), diff=diff, files=tuple(map(str, written))))
    if as_json:
        emit_json(results)
    else:
        for result in results:
            lines = result.diff or (f"{result.reward}: its lock holds",)
            emit_text("\n".join([*lines, *(f"wrote {path}" for path in result.files)]))
    stale = [result.reward for result in results if result.diff and not result.files]
    if stale:
        raise BelowThreshold(f"{', '.join(stale)}: not as locked", hint="if that is meant: rewardsmith lock --update")
