"""Driving a run: keep its lease, and end it in the state that its end deserves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from rewardsmith.domain.events import StatusChanged, Surveyed
from rewardsmith.domain.survey import Survey
from rewardsmith.errors import ExecutorAway, Interrupted, LeaseLost, RewardsmithError
from rewardsmith.executors.executor import Executor
from rewardsmith.search.journal import Journal
from rewardsmith.search.loop import Search
from rewardsmith.search.training import stop_open
from rewardsmith.store.artifacts import RunFolder

_RENEW_S = 10.0
_LOOKS = 10
"""How often, between two renewals, it is seen whether someone asked to cancel."""


class _Cancelled(Exception):
    """Someone asked to cancel the run."""


class Interruption:
    """Asks a run to finish cleanly; what is asked before the run begins counts as soon as it has."""

    def __init__(self) -> None:
        self._asked = False
        self._event: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def ask(self) -> None:
        """Safe in a signal handler and in any thread."""
        self._asked = True
        if self._loop is not None and self._event is not None:
            self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self) -> None:
        """Return once it was asked."""
        self._event, self._loop = asyncio.Event(), asyncio.get_running_loop()
        if not self._asked:
            await self._event.wait()

    def take(self) -> bool:
        """Whether it was asked; the next run begins as if it never was."""
        asked, self._asked, self._event, self._loop = self._asked, False, None, None
        return asked


async def surveyed(journal: Journal, found: Survey) -> None:
    """Write down on which survey a run rests, once."""
    if journal.run.surveyed is None:
        score, episodes = found.random_score(), len(found.episodes)
        await journal.append(Surveyed(fingerprint=found.fingerprint, random_score=score, episodes=episodes))


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
        try:
            await search.trainings.stop_open()
        except ExecutorAway as away:  # they may go on there, and the run with them; it cannot be called off
            error = away if isinstance(error, _Cancelled) else error
    await _conclude(journal, error)


@asynccontextmanager
async def pausing(journal: Journal) -> AsyncIterator[None]:
    """Pause the run, with the reason, where its search cannot even begin; the error goes on its way."""
    try:
        yield
    except Exception as error:
        if not journal.lost:
            await journal.append(StatusChanged(status="paused", reason=_reason(error)))
        raise


async def call_off(journal: Journal, executor: Executor, folder: RunFolder) -> None:
    """Cancel a run that nobody drives: stop what still trains for it, and say so."""
    await stop_open(journal, executor, folder)
    await _conclude(journal, _Cancelled())


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
        case _:
            await journal.append(StatusChanged(status="paused", reason=_reason(error)))
            raise error


def _reason(error: BaseException) -> str:
    return error.message if isinstance(error, RewardsmithError) else f"{type(error).__name__} in rewardsmith itself"


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
        for _ in range(_LOOKS):
            await sleep(_RENEW_S / _LOOKS)
            if await journal.cancelled():
                raise _Cancelled
        await journal.renew()
