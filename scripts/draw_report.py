"""Photograph a stored run's report in Chromium: `python scripts/draw_report.py RUNS_DIR RUN docs/report.png`."""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

import rewardsmith


def photograph(page: Path, picture: Path, *, width: int, height: int, dark: bool) -> None:
    """Open `page` in Chromium, which must be installed, and keep the top of it."""
    line = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    line += [f"--blink-settings=preferredColorScheme={0 if dark else 1}", f"--window-size={width},{height}"]
    subprocess.run([*line, f"--screenshot={picture}", page.as_uri()], check=True, capture_output=True, timeout=120)


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path)
    parser.add_argument("run")
    parser.add_argument("picture", type=Path)
    parser.add_argument("--width", type=int, default=1100)
    parser.add_argument("--height", type=int, default=1400)
    parser.add_argument("--dark", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        page, _ = rewardsmith.report(given.run, folder, runs=given.runs)
        photograph(page, given.picture.resolve(), width=given.width, height=given.height, dark=given.dark)


if __name__ == "__main__":
    main()
