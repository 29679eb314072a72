"""Driving a run: keep its lease, and end it in the state that its end deserves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from rewardsmith.domain.events import StatusChanged
from rewardsmith.errors import Interrupted, LeaseLost, RewardsmithError
from rewardsmith.search.journal import Journal
from rewardsmith.search.loop import Search

RENEW_S = 10.0


class _Cancelled(Exception):
    """Someone asked to cancel the run."""


async def drive(search: Search, *, interrupted: Awaitable[object], sleep: Callable[[float], Awaitable[None]]) -> None:
    """Run `search` to its end, its interruption, its cancellation, or the loss of its lease.

    Raises:
        Interrupted: `interrupted` came true; the run is paused.
        LeaseLost: Another process drives the run now; its runners were left alone.
        RewardsmithError: What the run failed of; it is paused and can be resumed.
    """
    journal = search.journal
    await journal.append(StatusChanged(status="running"))
    work = asyncio.ensure_future(search.run())
    stop = asyncio.ensure_future(_when(interrupted))
    lease = asyncio.ensure_future(_keep(journal, sleep))
    try:
        await asyncio.wait({work, stop, lease}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            work.cancel()
        await asyncio.wait({work})
        error = _cause(work) or _cause(lease) or (Interrupted("interrupted") if stop.done() else None)
    finally:
        for task in (work, stop, lease):
            task.cancel()
    if error is not None and not journal.lost:
        await search.trainings.stop_open()
    await _conclude(journal, error)


async def _conclude(journal: Journal, error: BaseException | None) -> None:
    match error:
        case None:
            return
        case LeaseLost():
            raise error
        case _Cancelled():
            await journal.append(StatusChanged(status="cancelled", reason="cancelled on request"))
            return
        case Interrupted():
            reason = "interrupted; every finished training is kept"
            await journal.append(StatusChanged(status="paused", reason=reason))
            raise Interrupted(reason, hint=f"go on with `rewardsmith resume {journal.run_name}`") from error
        case RewardsmithError(message=message):
            await journal.append(StatusChanged(status="paused", reason=message))
            raise error
        case _:
            await journal.append(StatusChanged(status="paused", reason=f"{type(error).__name__} in rewardsmith itself"))
            raise error


def _cause(task: asyncio.Future[None]) -> BaseException | None:
    """What a task failed of, the group that it came in taken off."""
    if not task.done() or task.cancelled():
        return None
    error = task.exception()
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _when(interrupted: Awaitable[object]) -> None:
    await interrupted


async def _keep(journal: Journal, sleep: Callable[[float], Awaitable[None]]) -> None:
    while True:
        await sleep(RENEW_S)
        if await journal.renew():
            raise _Cancelled
