"""The runs of a folder and its database, only read: what each is about, where it stands, where its files lie."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from rewardsmith.domain.events import StoredEvent
from rewardsmith.domain.record import Record
from rewardsmith.domain.result import RunResult, RunSummary, Status
from rewardsmith.domain.run import ENDED, Run
from rewardsmith.domain.survey import Survey
from rewardsmith.domain.task import Task
from rewardsmith.errors import DepotAway, StoreError, UsageError
from rewardsmith.search.lending import borrow
from rewardsmith.search.results import result, summary
from rewardsmith.search.surveying import read_survey, survey_key
from rewardsmith.store.artifacts import RunFolder
from rewardsmith.store.depot import Depot
from rewardsmith.store.folds import Folds
from rewardsmith.store.store import RunRow, Store

_RESULTS, _LINES = 256, 8192
"""How many results, and lines of the list, are remembered."""
_LOOK_S = 0.5
T = TypeVar("T", bound=Record)


class Runs:
    """Reads runs. What was worked out of a run is remembered until its next event. Safe to use from many threads."""

    def __init__(self, store: Store, folder: Path, depot: Depot | None = None, *, discreet: bool = False) -> None:
        self._store = store
        self._folder = folder
        self._depot = depot
        self._folds = Folds(store)
        self._told = lru_cache(_RESULTS)(self._tell)
        self._lines = lru_cache(_LINES)(self._line)
        self.discreet = discreet
        """Whether places are told from the folder of all runs on, for those who are not on this machine."""

    def run(self, run: str) -> Run:
        """The run of that name, not to be changed. Raises UnknownName."""
        state = self.fold(run)
        if state.spec is None:
            self._store.row(run)
            raise UsageError(f"run {run} was killed before it began", hint="start it again with `rewardsmith evolve`")
        return state

    def fold(self, run: str) -> Run:
        """What its events tell, not to be changed; an empty run where there are none."""
        return self._folds.of(run)

    def events(self, run: str, *, follow: bool) -> Iterator[StoredEvent]:
        """The run's events so far, or, to `follow`, as they come, without an end. Raises UnknownName."""
        self.run(run)
        after = 0
        while True:
            for event in self._store.events(run, after=after):
                yield event
                after = event.id
            if not follow:
                return
            time.sleep(_LOOK_S)

    def last(self, most: int, *, asker: str | None = None) -> Iterator[Run]:
        """The last so many runs, all of them for 0; of the key `asker` alone where it is named."""
        for row in self._store.runs(asker)[-most:]:
            yield self.fold(row.id)

    def result(self, run: str) -> RunResult:
        """Where a run stands. Raises UnknownName."""
        state = self.run(run)
        waits = state.status not in ENDED and self._store.row(run).waits
        return self._told(run, state.last_event, waits)

    def summary(self, row: RunRow) -> RunSummary | None:
        """A run's line; none for one that was killed before it began."""
        return self._lines(row.id, row.last_event, row.alive, row.waits, row.asker) if row.last_event else None

    def page(
        self, status: Status | None, after: str | None, most: int, *, asker: str | None = None
    ) -> list[RunSummary]:
        """Up to `most` runs of that status, the newest first, from behind the run `after`. Raises UnknownName.

        Of the key `asker` alone, where it is named.
        """
        found: list[RunSummary] = []
        while rows := self._store.page(after, most, asker=asker, status=status):
            lines = (line for line in map(self.summary, rows) if line and status in (None, line.status))
            found += lines
            if len(found) >= most or len(rows) < most:
                break
            after = rows[-1].id
        return found[:most]

    def survey_of(self, run: Run) -> Survey | None:
        """The survey that a run rests on, if it is still there."""
        assert run.spec is not None
        return self.survey_at_hand(run.spec.task)

    def survey_at_hand(self, task: Task) -> Survey | None:
        """The survey of a task, if there is one."""
        folder = self._folder / "surveys" / survey_key(task)
        try:
            borrow(self._depot, folder)
            return read_survey(folder, task)
        except (StoreError, DepotAway):
            return None

    def folder(self, run: str) -> RunFolder:
        """The folder of a run."""
        return RunFolder(self._folder, run, self._depot)

    def _tell(self, name: str, _last_event: int, waits: bool) -> RunResult:
        state = self.fold(name)
        found = result(state, self.survey_of(state), self.folder(name), waits=waits)
        return self.told(found, best=found.best and self.told(found.best))

    def told(self, record: T, **changed: object) -> T:
        """A record with its `folder` or `file` as it may be told."""
        if not self.discreet:
            return record
        places = {name: getattr(record, name, None) for name in ("folder", "file")}
        shown = {name: place.removeprefix(f"{self._folder}/") for name, place in places.items() if place}
        return record.model_copy(update=changed | shown)

    def _line(self, name: str, _last_event: int, alive: bool, waits: bool, asker: str) -> RunSummary | None:
        state = self.fold(name)
        return summary(state, alive=alive, waits=waits, asker=asker) if state.spec else None
