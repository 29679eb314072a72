"""What the runs of one key may take within a day.

A run counts with what its plan reserves, from the moment when it is submitted, and not with what it will have taken:
so no run that began has to be stopped for the day's sake, and what runs do never exceeds what was allowed.
"""

from __future__ import annotations

import math

from sqlalchemy import Connection, select

from rewardsmith.domain.key import Caller, Reserve
from rewardsmith.errors import LimitReached, UsageError
from rewardsmith.store import keys
from rewardsmith.store.schema import now, runs

DAY_S = 24 * 3600.0


def check(connection: Connection, caller: Caller, wanted: Reserve) -> None:
    """Raise where a run that takes `wanted` is more than the caller's key may have today.

    Raises:
        LimitReached: Another of its runs was submitted too recently.
        UsageError: No day has room for it.
    """
    if not caller.name:
        return
    limits = keys.lock(connection, caller.name)
    recent = select(runs.c.trainings, runs.c.dollars, (runs.c.created + DAY_S - now()).label("left"))
    mine = recent.where(runs.c.asker == caller.name, runs.c.created > now() - DAY_S).order_by(runs.c.created)
    rows = connection.execute(mine).mappings().all()
    for what, limit, more in (
        ("trainings", limits.trainings_per_day, wanted.trainings),
        ("dollars", limits.dollars_per_day, wanted.dollars),
    ):
        if limit is None or not more:
            continue
        hint = f"ask for less with stop.{what}, or have the key's limit raised"
        if more > limit:
            raise UsageError(
                f"the run may take {more:g} {what}, and the key {caller.name} has {limit:g} a day", hint=hint
            )
        used = math.fsum(row[what] for row in rows)
        wait_s = 0.0
        for row in rows:
            if used + more <= limit:
                break
            used, wait_s = used - row[what], row["left"]
        if wait_s:
            taken = math.fsum(row[what] for row in rows)
            raise LimitReached(
                f"the run may take {more:g} {what}; of the key's {limit:g} a day {taken:g} are taken already",
                wait_s=wait_s,
                hint=hint,
            )
