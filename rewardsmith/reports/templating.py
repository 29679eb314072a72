"""Templates of pages: everything is escaped, and what a terminal or a browser would obey is shown."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from rewardsmith.reports import words

TEMPLATES = Path(__file__).parent / "templates"
"""The report's; its stylesheet serves the pages too."""


def environment(folder: Path) -> Environment:
    """The templates of `folder`, with the words of `reports.words` as filters."""
    made = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda shown: shown if isinstance(shown, Markup) else words.visible(str(shown)),
    )
    made.filters |= {
        name: getattr(words, name)
        for name in ("count", "counted", "dollars", "duration", "interval", "number", "score")
    }
    return made
