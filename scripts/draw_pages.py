"""Photograph the pages of a running server in Chromium: `python scripts/draw_pages.py SERVER RUN OTHER docs`.

SERVER is such as http://localhost:8080, RUN one that has ended, OTHER one that is under way.
The pictures are reduced to a palette, as screenshots have few colours.
"""

from __future__ import annotations

import argparse
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright

MOST_BYTES = 250_000


@dataclass(frozen=True)
class Shot:
    """A page to be photographed."""

    name: str
    """The picture is `pages-<name>.png`."""
    place: str
    height: int = 900
    width: int = 1200
    dark: bool = False
    ready: str = "main h1"
    """What has to be there first."""


def shots(run: str, other: str, best: str, second: str, task: str) -> list[Shot]:
    """One of each page."""
    return [
        Shot("runs", "/", height=560),
        Shot("new", f"/new?task={task}", height=620, ready="#estimate .facts"),
        Shot("run", f"/runs/{run}", height=1500, ready="#climb canvas"),
        Shot("run-dark", f"/runs/{other}", height=1300, dark=True),
        Shot("candidate", f"/runs/{run}/candidates/{best}", height=1900),
        Shot("compare", f"/compare?run={run}&run={run}&a={best}&b={second}", height=1000, ready="#sides svg"),
        Shot("tasks", "/tasks", height=900),
        Shot("task", f"/tasks/{task}", height=800),
        Shot("narrow", f"/runs/{run}", width=400, height=900, ready="#climb canvas"),
    ]


def photograph(page: Page, shot: Shot, folder: Path) -> Path:
    """Keep the top of one page."""
    page.set_viewport_size({"width": shot.width, "height": shot.height})
    page.emulate_media(color_scheme="dark" if shot.dark else "light", reduced_motion="reduce")
    page.goto(shot.place)
    page.locator(shot.ready).first.wait_for(timeout=60_000)
    page.wait_for_function("[...document.images].every(each => each.loading === 'lazy' || each.complete)")
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    file = folder / f"pages-{shot.name}.png"
    picture.save(file, optimize=True)
    if file.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{file} has more than {MOST_BYTES} bytes; take less of the page")
    return file


def main() -> None:
    """Read the arguments, and photograph every page."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("server", "run", "other"):
        parser.add_argument(name)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(base_url=given.server)
        told: dict[str, Any] = page.request.get(f"/v1/runs/{given.run}").json()
        best = told["best"]["candidate"]
        others = [each for each in page.request.get(f"/v1/runs/{given.run}/candidates").json() if each["id"] != best]
        second = max(others, key=lambda each: each["score"] or float("-inf"))["id"]
        for shot in shots(given.run, given.other, best, second, told["task"]):
            file = photograph(page, shot, given.folder)
            print(f"{file}: {file.stat().st_size} bytes")
        browser.close()


if __name__ == "__main__":
    main()
