"""The report of a run as files: `report.html` and `report.md`."""

from __future__ import annotations

from pathlib import Path

from rewardsmith.domain.result import RunResult
from rewardsmith.domain.run import Run
from rewardsmith.domain.survey import Survey
from rewardsmith.prompting.templates import fenced
from rewardsmith.reports.exchange import exchanged
from rewardsmith.reports.page import page
from rewardsmith.reports.story import story
from rewardsmith.store.artifacts import RunFolder, write_durably

PAGES = ("report.html", "report.md")
"""What a report consists of."""


def write_report(
    run: Run, result: RunResult, survey: Survey | None, folder: RunFolder, to: Path | None = None
) -> tuple[Path, Path]:
    """Write both into `to`, the run's own folder when absent; where they are.

    Raises:
        StoreError: The disk is full, or the folder cannot be written to.
    """
    place = to or folder.path
    html, markdown = (place / name for name in PAGES)
    for path in (html, markdown):
        write_durably(path, report_as(path.name, run, result, survey, folder))
    return html, markdown


def report_as(name: str, run: Run, result: RunResult, survey: Survey | None, folder: RunFolder) -> bytes:
    """What stands in the file of this name, one of `PAGES`."""
    if name == PAGES[0]:
        text = page(run, result, survey, folder)
    else:
        text = story(run, result, survey) + _asked(run, result, folder)
    return text.encode("utf-8", errors="replace")


def _asked(run: Run, result: RunResult, folder: RunFolder) -> str:
    """The winner's prompt and answer, as Markdown that shows them as they are."""
    if result.best is None:
        return ""
    prompt, answer = exchanged(folder, run.candidates[result.best.candidate])
    known = [("Prompt", prompt), ("Answer", answer)]
    return "".join(f"\n## {name} of {result.best.candidate}\n\n{fenced(text)}\n" for name, text in known if text)
