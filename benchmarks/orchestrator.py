"""What a run costs beside its workers, and how busy it keeps them.

    python -m benchmarks.orchestrator --env ant --iters 5 --budget quick      (whatever `rewardsmith evolve` takes)

Runs `rewardsmith evolve` with these arguments in an empty folder and prints: the share of one core that the
orchestrator took from its start to its end, its greatest resident size, and the share of the slots' time in which a
training ran, from the start of the first to the end of the last.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rewardsmith.domain.events import AttemptEnded, AttemptStarted, StoredEvent
from rewardsmith.domain.run import Run
from rewardsmith.store.store import Store

TICK_S = 0.5


def main(arguments: list[str]) -> None:
    """Print one JSON object."""
    with tempfile.TemporaryDirectory() as place:
        command = [
            sys.executable,
            "-m",
            "rewardsmith",
            "evolve",
            *arguments,
            "--runs-dir",
            f"{place}/runs",
            "--name",
            "run",
        ]
        begun = time.monotonic()
        process = subprocess.Popen(command, cwd=place, stdout=subprocess.DEVNULL)
        processor_s = most_mb = 0.0
        while process.poll() is None:
            processor_s, most_mb = _taken(process.pid) or (processor_s, most_mb)
            time.sleep(TICK_S)
        wall_s = time.monotonic() - begun
        if process.returncode:
            raise SystemExit(process.returncode)
        store = Store.open(Path(place) / "runs" / "rewardsmith.db")
        events = store.events("run")
        store.close()
    run = Run.fold(events)
    assert run.spec is not None
    print(
        json.dumps(
            {
                "wall_s": round(wall_s),
                "share_of_a_core": round(processor_s / wall_s, 4),
                "resident_mb": round(most_mb),
                "busy": round(busy(events, run.spec.workers), 3),
                "trainings": run.usage().trainings,
                "workers": run.spec.workers,
            }
        )
    )


def _taken(pid: int) -> tuple[float, float] | None:
    """Seconds of a processor and the greatest resident size in MB of a live process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    except OSError:
        return None
    if "VmHWM" not in status:
        return None
    ticks = int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK"), int(status["VmHWM"].split()[0]) / 1024


def busy(events: list[StoredEvent], workers: int) -> float:
    """Share of the slots' time in which a training ran."""
    opened: dict[tuple[str, str, int], float] = {}
    spans = []
    for stored in events:
        match stored.event:
            case AttemptStarted(attempt=attempt):
                opened[attempt.key] = stored.time
            case AttemptEnded(attempt=attempt):
                spans.append((opened.pop(attempt.key), stored.time))
    begun, ended = min(a for a, _ in spans), max(b for _, b in spans)
    return sum(b - a for a, b in spans) / (workers * (ended - begun))


if __name__ == "__main__":
    main(sys.argv[1:])
