"""What an event costs: `Store.append` beside a bare SQLite commit and a bare fsync on the same disk.

All three make what they wrote survive a power cut, so the disk's own wait is in each; the difference is ours.

`python -m benchmarks.store [--events 200] [--folder DIR]`, DIR on the disk that is to be measured.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rewardsmith.domain.events import GenerationEnded
from rewardsmith.store.store import Owner, Store

EVENT = GenerationEnded(generation=1, best=None, best_overall=None)


def main() -> None:
    """Take turns at the three, and print medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as place:
        sides = _sides(Path(place))
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
        for _ in range(arguments.events):
            for name, side in sides.items():
                taken[name].append(_milliseconds(side))
    for name, times in taken.items():
        wall, processor = (statistics.median(column) for column in zip(*times, strict=True))
        print(f"{name:20} {wall:6.2f} ms, of which {processor:.2f} ms of processor")


def _sides(folder: Path) -> dict[str, Callable[[], object]]:
    store = Store.open(folder / "store.db")
    store.create("run")
    lease = store.claim("run", owner=Owner.current())
    bare = sqlite3.connect(folder / "bare.db", isolation_level=None)
    bare.execute("PRAGMA journal_mode=WAL")
    bare.execute("PRAGMA synchronous=FULL")
    bare.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, data TEXT)")
    file = os.open(folder / "file", os.O_WRONLY | os.O_CREAT)

    def flush() -> None:
        os.write(file, bytes(4096))
        os.fsync(file)

    return {
        "fsync of 4 KiB": flush,
        "bare SQLite commit": lambda: bare.execute("INSERT INTO events (data) VALUES (?)", (EVENT.model_dump_json(),)),
        "Store.append": lambda: store.append(lease, [EVENT]),
    }


def _milliseconds(side: Callable[[], object]) -> tuple[float, float]:
    """Wall clock and processor time of one call."""
    wall, processor = time.perf_counter(), time.process_time()
    side()
    return (time.perf_counter() - wall) * 1e3, (time.process_time() - processor) * 1e3


if __name__ == "__main__":
    main()
