"""What a run that was killed, resumed and killed again is counted by: its events, and the processes of this machine."""

from __future__ import annotations

import math
from pathlib import Path

from rewardsmith.domain.events import AttemptEnded, AttemptStarted, Completed
from rewardsmith.store.store import Store


def events_of(folder: Path) -> list:
    store = Store.open(folder / "rewardsmith.db")
    try:
        return [stored.event for stored in store.events("run")]
    finally:
        store.close()


def check_nothing_twice(events: list) -> None:
    reached: dict = {}
    paid: set = set()
    for event in events:
        if isinstance(event, AttemptStarted):
            assert _until(event) > reached.get(event.attempt.key, 0), f"{event.attempt.key} was trained again"
        if isinstance(event, AttemptEnded) and event.report is not None:
            assert _until(event) > reached.get(event.attempt.key, 0), f"{event.attempt.key} has two results"
            reached[event.attempt.key] = _until(event)
        if isinstance(event, Completed):
            assert event.key not in paid, f"{event.key} was asked twice"
            paid.add(event.key)


def lost(events: list) -> list:
    return [event.attempt for event in events if isinstance(event, AttemptEnded) and event.report is None]


def outcome(result: dict, events: list) -> dict:
    """What must not depend on how often a run was killed."""
    reports = {
        str(event.attempt.key): [rung.scores for rung in event.report.rungs]
        for event in events
        if isinstance(event, AttemptEnded) and event.report
    }
    return {"best": result["best"] | {"file": ""}, "baselines": result["baselines"], "reports": reports}


def processes() -> list[tuple[int, str, int]]:
    """Process id, command line and parent of every process."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            found.append((int(entry.name), line, parent))
    return found


def ancestors(pid: int, parents: dict[int, int]) -> list[int]:
    found = []
    while pid in parents:
        pid = parents[pid]
        found.append(pid)
    return found


def _until(event: AttemptStarted | AttemptEnded) -> float:
    """Rungs after which an attempt pauses; infinite for one that goes on to the end."""
    return event.attempt.until or math.inf
