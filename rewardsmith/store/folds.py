"""Runs as their events tell of them, each folded on from where it was last read."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from rewardsmith.domain.run import Run
from rewardsmith.store.store import Store

_MOST = 128
"""Runs that are kept; each takes about as much memory as its events."""


@dataclass
class _Kept:
    run: Run = field(default_factory=Run)
    one_at_a_time: threading.Lock = field(default_factory=threading.Lock)


class Folds:
    """The states of the runs of one store. Safe to use from many threads."""

    def __init__(self, store: Store, most: int = _MOST) -> None:
        self._store = store
        self._most = most
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, run: str) -> Run:
        """The run as it stands now, or an empty one; whoever wants to change it takes a copy.

        Raises:
            StoreError: An event is not one that this version can read.
        """
        kept = self._keep(run)
        with kept.one_at_a_time:
            new = self._store.events(run, after=kept.run.last_event)
            if new:
                state = kept.run.copy()
                for event in new:
                    state.apply(event)
                kept.run = state
            return kept.run

    def _keep(self, run: str) -> _Kept:
        with self._lock:
            kept = self._kept.setdefault(run, _Kept())
            self._kept.move_to_end(run)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
            return kept
