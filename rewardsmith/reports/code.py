"""Code as HTML: coloured Python, and what changed since a parent."""

from __future__ import annotations

import difflib
import threading

from markupsafe import Markup

from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.run import Run
from rewardsmith.reports.outcomes import value
from rewardsmith.reports.words import score, visible

_MOST_LINES = 5000
"""Beyond it, to find what changed may take seconds."""
_ONE = threading.Lock()
_KINDS = {"+": "added", "-": "taken", "@": "place"}


def coloured(source: str, mark: int | None = None) -> Markup:
    """Python source with the classes of Pygments, everything escaped; line `mark`, from 1, has the class `hll`."""
    from pygments import highlight
    from pygments.formatters.html import HtmlFormatter
    from pygments.lexers.python import PythonLexer

    with _ONE:  # the first lexer works out the rules of its class; two at once would mix them up for good
        lexer = PythonLexer(stripnl=False)
    shown: str = highlight(visible(source), lexer, HtmlFormatter(nowrap=True, hl_lines=[mark] if mark else []))
    return Markup(shown)  # noqa: S704  the formatter escapes


def changes(run: Run, candidate: Candidate) -> str:
    """A unified diff of `candidate` from its first parent; empty where there is none or nothing changed."""
    parent = run.candidates.get(candidate.parents[0]) if candidate.parents else None
    return "" if parent is None else unified(run, parent, candidate)


def unified(run: Run, old: Candidate, new: Candidate) -> str:
    """A unified diff of two candidates' sources, headed by their scores; empty where they are equal."""
    names = [f"{each.id}  score {score(value(run, each))}" for each in (old, new)]
    return difference(old.source, new.source, *names)


def difference(old: str | None, new: str | None, old_name: str, new_name: str) -> str:
    """A unified diff of two sources; empty where they are equal, a line that says so where they are too long."""
    before, after = ((source or "").splitlines() for source in (old, new))
    if max(len(before), len(after)) > _MOST_LINES:
        return f"@@ {len(before)} and {len(after)} lines: more than {_MOST_LINES} are not compared @@"
    return "\n".join(difflib.unified_diff(before, after, old_name, new_name, lineterm=""))


def marked(diff: str) -> Markup:
    """A unified diff with a class for what was added, taken away and where."""
    lines = [
        Markup('<span class="{}">{}</span>').format(_KINDS.get(line[:1], ""), visible(line))
        for line in diff.splitlines()
    ]
    return Markup("\n").join(lines)
