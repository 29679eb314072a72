"""Draw the live table of a stored run as SVG: `python scripts/draw_live_table.py RUNS_DIR RUN docs/live.svg`."""

from __future__ import annotations

import argparse
import io
import re
from pathlib import Path

from rich.console import Console

from rewardsmith.display.table import frame
from rewardsmith.domain.run import Run
from rewardsmith.reports.board import board
from rewardsmith.store.store import Store


def draw(runs: Path, name: str, picture: Path, *, share: float) -> None:
    """Fold the first `share` of the run's events and draw the frame that the terminal showed then."""
    store = Store.open(runs / "rewardsmith.db")
    events = store.events(name)
    store.close()
    run = Run.fold(events[: max(1, round(share * len(events)))])
    console = Console(record=True, width=110, file=io.StringIO(), force_terminal=True)
    console.print(frame(board(run), elapsed=run.wall_s, height=40))
    title = f"rewardsmith evolve --env {run.spec.task.name if run.spec else name}"
    fetched = re.compile(r"@font-face \{.*?\}\n", re.S)
    picture.write_text(fetched.sub("", console.export_svg(title=title)), encoding="utf-8")


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path)
    parser.add_argument("run")
    parser.add_argument("picture", type=Path)
    parser.add_argument("--share", type=float, default=0.6, help="share of the run's events to fold")
    given = parser.parse_args()
    draw(given.runs, given.run, given.picture, share=given.share)


if __name__ == "__main__":
    main()
