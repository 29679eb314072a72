"""The models of a run side by side, where several wrote its candidates."""

from __future__ import annotations

from statistics import mean

from rewardsmith.domain.run import Run
from rewardsmith.reports.outcomes import value
from rewardsmith.reports.words import ABSENT, count, dollars, inert, score, table

AUTHORS = ["model", "candidates", "that train", "best score", "mean score", "tokens", "money"]


def author_rows(run: Run) -> list[list[str]]:
    """A row for each model, the best first, under the names in `AUTHORS`; none where only one was asked.

    A repair counts for the model that was asked to repair, which is that of the slot. Scores are the search's.
    """
    written = [candidate for candidate in run.candidates.values() if candidate.author]
    rows = []
    for author in dict.fromkeys(candidate.author for candidate in written):
        mine = [candidate for candidate in written if candidate.author == author]
        scores = [each for candidate in mine if (each := value(run, candidate)) is not None]
        calls = [completed for completed in run.completions if completed.author == author]
        prices = [call.dollars for call in calls]
        money = None if None in prices else sum(price or 0.0 for price in prices)
        row = [
            inert(author or ""),
            str(len(mine)),
            f"{sum(c.failure is None for c in mine) / len(mine):.0%}",
            score(max(scores, default=None)),
            score(mean(scores) if scores else None),
            count(sum(call.tokens for call in calls)),
            ABSENT if money is None else dollars(money),
        ]
        rows.append((max(scores, default=float("-inf")), row))
    return [row for _, row in sorted(rows, key=lambda each: -each[0])]


def author_section(run: Run) -> str:
    """The models side by side as Markdown; empty where only one was asked."""
    rows = author_rows(run)
    return "## Models\n\n" + table(AUTHORS, rows, markdown=True) if rows else ""
