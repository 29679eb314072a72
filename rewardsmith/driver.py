"""Drives runs of a folder and its database: claims them, sees them to their end, or calls them off."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rewardsmith.domain.events import RunStarted
from rewardsmith.domain.plan import Plan, RunSpec
from rewardsmith.domain.result import RunResult
from rewardsmith.domain.run import ENDED
from rewardsmith.domain.survey import Probe, Survey
from rewardsmith.domain.task import Task
from rewardsmith.errors import Conflict, DepotAway, ExecutorAway, RunBusy
from rewardsmith.executors.executor import Executor
from rewardsmith.runs import Runs
from rewardsmith.search.assembly import assemble
from rewardsmith.search.driving import Interruption, call_off, drive, pausing, surveyed
from rewardsmith.search.journal import Journal, Observer
from rewardsmith.store.leases import Lease, Owner
from rewardsmith.store.store import Store


@dataclass
class Driver:
    """Drives one run at a time.

    Args:
        store: Where runs are claimed and written down.
        reading: The same runs, to be read.
        executor: Opens what trains; asked once a run is claimed.
        survey: Surveys a task, or finds its survey.
        report: Writes the report of a run, asked whenever a run was driven.
        interruption: Asks the run that is driven to finish cleanly; taken back once it has.
        unsafe: Whether reward processes may do without isolation.
    """

    store: Store
    reading: Runs
    executor: Callable[[], Executor]
    survey: Callable[[Task], tuple[Survey, Probe]]
    report: Callable[[str], object]
    interruption: Interruption
    unsafe: bool

    def begin(self, spec: RunSpec, planned: Plan, observe: Observer, **watching: Any) -> RunResult:
        """Start a run under a name that none which began has, and see it to its end. Blocks.

        Raises:
            Interrupted: It was interrupted; the run is paused.
            RewardsmithError: See `rewardsmith.errors`; the run is paused and can be resumed.
        """
        if spec.run not in (row.id for row in self.store.runs()) or self.reading.fold(spec.run).spec is not None:
            self.reading.folder(spec.run).check_free()
            self.store.create(spec.run)
        lease = self.store.claim(spec.run, owner=Owner.current())
        return self.drive(lease, observe, RunStarted(spec=spec, plan=planned), **watching)

    def drive(self, lease: Lease, observe: Observer, *first: RunStarted, **watching: Any) -> RunResult:
        """See a claimed run to its end, if it has not ended. Blocks; raises as `begin`."""
        name, again = lease.run, False
        try:
            journal = Journal(self.store, lease, self.reading.fold(name).copy(), observe)
            if journal.run.status not in ENDED:
                asyncio.run(self._search(journal, first, **watching))
        except (DepotAway, ExecutorAway):
            again = True  # a run of the queue waits there for its next driver
            raise
        finally:
            again |= self.interruption.take()
            if self.store.release(lease, again=again) and self.reading.fold(name).status not in ENDED:
                self.cancel(name)
            if self.reading.fold(name).spec:
                self.report(name)
        return self.reading.result(name)

    async def _search(self, journal: Journal, first: Sequence[RunStarted], **watching: Any) -> None:
        await journal.append(*first)
        assert journal.run.spec is not None
        folder = self.reading.folder(journal.run_name)
        outside: dict[str, Any] = {"sleep": asyncio.sleep, "clock": time.monotonic, "unsafe": self.unsafe}
        async with pausing(journal):
            found, probe = await asyncio.to_thread(self.survey, journal.run.spec.task)
            await surveyed(journal, found)
            search = assemble(journal, found, probe, self.executor(), folder, **outside, **watching)
        await drive(search, interrupted=self.interruption.wait(), sleep=asyncio.sleep)

    def cancel(self, run: str) -> None:
        """Cancel a run: at once where nobody drives it, else as soon as its driver looks.

        Raises:
            UnknownName: There is no such run.
            Conflict: It has ended.
        """
        if (ended := self.reading.run(run).status) in ENDED:
            raise Conflict(f"run {run} is {ended} already", hint=f"see `rewardsmith show {run}`")
        try:
            lease = self.store.claim(run, owner=Owner.current(), max_claims=sys.maxsize)
        except RunBusy:
            self.store.request_cancel(run)
            return
        try:
            journal = Journal(self.store, lease, self.reading.fold(run).copy(), lambda *_: None)
            if journal.run.status not in ENDED:
                asyncio.run(call_off(journal, self.executor(), self.reading.folder(run)))
        finally:
            self.store.release(lease)
