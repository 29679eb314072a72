"""A real browser that notices what no page may do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium")
PATIENCE_MS = 200_000
"""The most that a page may take; who waits for it goes on as soon as it is there."""
AXE = (Path(__file__).parents[1] / "data" / "axe" / "axe.min.js").read_text()

expect.set_options(timeout=PATIENCE_MS)


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # without --no-sandbox Chromium does not start as root, and the pages are ours
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=PATIENCE_MS)


class Visitor:
    """A tab; `faults` are dialogs, errors and warnings of the console, and requests to anybody but the server."""

    def __init__(self, browser: Browser, server: str, **options: Any) -> None:
        self.faults: list[str] = []
        self._server = urlsplit(server).netloc
        self.context: BrowserContext = browser.new_context(base_url=server, **options)
        self.context.set_default_timeout(PATIENCE_MS)
        self.page: Page = self.context.new_page()
        self.page.on("console", lambda said: self._note(said.type in ("error", "warning"), f"console: {said.text}"))
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.page.on("dialog", self._dismiss)
        self.page.on("request", lambda asked: self._note(not self._ours(asked.url), f"request: {asked.url}"))

    def _ours(self, url: str) -> bool:
        return urlsplit(url).netloc == self._server or url.startswith("data:")

    def _note(self, bad: bool, text: str) -> None:
        if bad:
            self.faults.append(text[:300])

    def _dismiss(self, dialog: Any) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def violations(self) -> list[str]:
        """What axe finds on the page as it stands that is serious or worse."""
        self.page.evaluate(AXE)
        found = self.page.evaluate("axe.run({resultTypes: ['violations']})")
        bad = [each for each in found["violations"] if each["impact"] in ("serious", "critical")]
        return [f"{each['id']}: {node['html'][:200]}" for each in bad for node in each["nodes"]]

    def width(self) -> int:
        """Pixels that the page takes from left to right."""
        return int(self.page.evaluate("document.documentElement.scrollWidth"))
