"""Numbers, intervals and tables as text, the same in the terminal and in reports."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING
from unicodedata import category

if TYPE_CHECKING:
    from rewardsmith.domain.prompt import Usage
    from rewardsmith.domain.result import Interval

ABSENT = "–"
OBEYED = {"Cc", "Cf", "Co", "Cs"}
"""Categories of characters that a terminal or a page obeys instead of showing them."""


def number(value: float | None) -> str:
    """Four significant digits at most: `1.835`, `0.0042`, `12,340`."""
    if value is None:
        return ABSENT
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def score(value: float | None) -> str:
    """A score: two decimals from 1 upwards, three significant digits below."""
    if value is None:
        return ABSENT
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 1 or value == 0 else f"{value:.3g}"


def count(value: int) -> str:
    """A large whole number: `950`, `120k`, `3.4M`."""
    for scale, letter in ((1_000_000_000, "G"), (1_000_000, "M"), (1000, "k")):
        if value >= scale:
            text = f"{value / scale:.1f}" if value < 100 * scale else f"{value / scale:.0f}"
            return text.removesuffix(".0") + letter
    return str(value)


def counted(number: int, noun: str) -> str:
    """A number of things: `1 seed`, `3 seeds`."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def duration(seconds: float | None) -> str:
    """A length of time: `42 s`, `11 min`, `3 h 20 min`."""
    if seconds is None:
        return "unknown"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def dollars(value: float | None) -> str:
    """Money: `$0.42`; the fourth decimal only below a cent."""
    if value is None:
        return "unknown"
    return f"${value:.2f}" if value >= 0.01 or value == 0 else f"${value:.4f}"


def spent(usage: Usage) -> str:
    """Money that was paid: `$0.42`, or `$0.42, 12 calls of unknown price`."""
    known = dollars(usage.dollars)
    if not usage.unpriced:
        return known
    return f"{known}, {counted(usage.unpriced, 'call')} of unknown price"


def interval(found: Interval | None) -> str:
    """A mean with its interval: `1.83 [1.60, 2.06]`."""
    if found is None:
        return ABSENT
    if found.low is None or found.high is None:
        return score(found.mean)
    return f"{score(found.mean)} [{score(found.low)}, {score(found.high)}]"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, markdown: bool = False) -> str:
    """An aligned table; columns whose every cell is a number stand to the right."""
    rows = [_escaped(row) for row in rows] if markdown else rows
    columns = list(zip(header, *rows, strict=True)) if rows else [(name,) for name in header]
    widths = [max(len(cell) for cell in column) for column in columns]
    right = [bool(rows) and all(_is_number(cell) for cell in column[1:]) for column in columns]

    def line(cells: Sequence[str]) -> str:
        padded = [c.rjust(w) if r else c.ljust(w) for c, w, r in zip(cells, widths, right, strict=True)]
        return "| " + " | ".join(padded) + " |" if markdown else "  ".join(padded).rstrip()

    rule = ["-" * (w - 1) + ":" if r else "-" * w for w, r in zip(widths, right, strict=True)]
    ruled = "| " + " | ".join(rule) + " |" if markdown else "  ".join("-" * w for w in widths)
    return "\n".join([line(header), ruled, *map(line, rows)])


def _is_number(cell: str) -> bool:
    return cell in {ABSENT, ""} or cell.lstrip("-+$")[:1].isdigit()


def _escaped(row: Sequence[str]) -> list[str]:
    return [inert(cell.replace("|", "/")) for cell in row]


def inert(text: str, *, but: str = "") -> str:
    """`text`, which may hold names that a model chose, as Markdown that shows it and does nothing else.

    What would open a tag, code, a link's address or a picture's is escaped, `but` for those characters; underscores
    and intervals are left alone.
    """
    return re.sub(r"[\\`<>&*]|(?<=\])[\[(]", lambda found: found[0] if found[0] in but else f"\\{found[0]}", text)


def visible(text: str) -> str:
    """`text` with its control and formatting characters as escapes, so that nothing that shows it obeys them."""
    return "".join(c if c in "\n\t" or category(c) not in OBEYED else _escape(c) for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
