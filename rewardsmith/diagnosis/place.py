"""Where runs lie: their folder, the disk below it, and the database."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from rewardsmith.diagnosis.checks import check
from rewardsmith.domain.machine import MachineCheck
from rewardsmith.search.planning import EARLIER_RUNS
from rewardsmith.settings import Settings
from rewardsmith.store.depot import Depot
from rewardsmith.store.soundness import look, refuse_unwritable
from rewardsmith.store.store import Store

GROUP = "Store"
_SPARE = 2 * 2**30
"""Bytes that a few runs with their checkpoints fill."""


def look_at_place(settings: Settings) -> list[MachineCheck]:
    """The folder of the runs, the disk, the database, the depot; leaves nothing behind."""
    runs = settings.runs.resolve()
    return [
        check(GROUP, "runs folder", lambda: _folder(runs), needed=True),
        _disk(runs),
        _database(settings.database or runs / "rewardsmith.db"),
        *([_artifacts(Depot(settings.artifacts))] if settings.artifacts else []),
    ]


def _folder(runs: Path) -> str:
    refuse_unwritable(runs)
    return f"{runs}, writable" if runs.is_dir() else f"{runs}, to be made"


def _artifacts(depot: Depot) -> MachineCheck:
    def told() -> str:
        depot.look()
        return f"{depot.place}, written and read"

    return check(GROUP, "artifacts", told, needed=True)


def _disk(runs: Path) -> MachineCheck:
    there = next(place for place in (runs, *runs.parents) if os.path.lexists(place))
    free = shutil.disk_usage(there).free
    scarce = free < _SPARE
    return MachineCheck(
        group=GROUP,
        name="disk",
        ok=True,
        needed=False,
        detail=f"{free / 2**30:.1f} GiB free",
        remedy="make room: a run keeps its checkpoints" if scarce else "",
        warning=scarce,
    )


def _database(place: str | Path) -> MachineCheck:
    """The database, opened for good only where that changes nothing."""
    damage = ""

    def told() -> str:
        nonlocal damage
        found = look(place)
        if found.revision is None:
            return f"{found.place}, to be made"
        damage = found.damage
        store = Store.open(place)
        try:
            rows = store.runs()
            for row in rows[-EARLIER_RUNS:]:
                store.events(row.id)
        finally:
            store.close()
        state = "too large to check in a moment" if found.unchecked else "sound"
        many = f"{len(rows)} run{'' if len(rows) == 1 else 's'}"
        return f"{found.place}, revision {found.revision}, {many}, {f'DAMAGED: {damage}' if damage else state}"

    said = check(GROUP, "database", told, needed=True)
    if not damage:
        return said
    remedy = said.remedy or "move it away or restore a copy; the folders beside it keep every reward and report"
    return said.model_copy(update={"warning": True, "remedy": remedy})
