"""Files that a user names with -o: they are written over only where the user says so."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rewardsmith.cli.command import option

overwrite_option = option("--overwrite", is_flag=True, help="Write over files that are there.")


def refuse_overwriting(files: Iterable[Path], *, overwrite: bool) -> None:
    """Raise Conflict where one of `files` is there, unless it may be overwritten."""
    there = [str(file) for file in files if file.is_file()]
    if there and not overwrite:
        from rewardsmith.errors import Conflict

        words = f"{', '.join(there)}: there already; nothing was written"
        raise Conflict(words, hint="name another place with -o, or write over it with --overwrite")
