"""What an attempt came to, read from its folder: the same wherever its worker ran."""

from __future__ import annotations

import contextlib
from pathlib import Path

from rewardsmith.domain.job import Progress, TaskFault
from rewardsmith.errors import StoreError, one_line
from rewardsmith.executors.attempt_folder import Result, last_line
from rewardsmith.executors.executor import Done, Lost
from rewardsmith.store.untrusted import read_record

MOST_SAID = 600
"""Characters of what a worker says that are kept."""
_TASK_IS_WRONG = 4
"""Exit code of a worker whose task or score rule is wrong."""
_SMALL = 65536


def ended(folder: Path, result: Result) -> Done | Lost:
    """How the attempt in `folder` ended, by its result."""
    return Done(folder / "out") if result.exit_code == 0 and not result.timed_out else _lost(folder, result)


def read_progress(out: Path) -> Progress | None:
    """How far a worker says that it is; absent where it does not, or says nonsense."""
    with contextlib.suppress(StoreError):
        return read_record(out, "progress.json", Progress, limit=_SMALL)
    return None


def _lost(folder: Path, result: Result) -> Lost:
    if result.exit_code is None:
        return Lost(one_line(result.message, MOST_SAID), fatal=result.fatal)
    error = _error(folder)
    how = f"the worker ended with exit code {result.exit_code}"
    if result.timed_out:
        how = "the worker ran out of its wall clock"
    elif result.exit_code > 128:
        how = f"the worker was killed by signal {result.exit_code - 128}"
    if result.message:
        how += f" ({one_line(result.message, MOST_SAID)})"
    said = f"{error['type']}: {error['message']}" if error else last_line(folder / "log.txt", most=MOST_SAID)
    fatal = result.exit_code == _TASK_IS_WRONG and error is not None
    return Lost(f"{how}: {said}" if said else how, fatal=fatal, error=error)


def _error(folder: Path) -> dict[str, str] | None:
    """`out/error.json` with its three texts cut and made printable; absent when it is none."""
    try:
        found = read_record(folder / "out", "error.json", TaskFault, limit=_SMALL)
    except StoreError:
        return None
    return {key: one_line(text, MOST_SAID) for key, text in found.model_dump().items()}
