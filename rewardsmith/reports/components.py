"""What each component of a reward did in training: the table that is shown wherever a reward is shown."""

from __future__ import annotations

from rewardsmith.domain.report import ComponentStatistics, Report
from rewardsmith.reports.words import ABSENT, number, table


def ordered(report: Report) -> list[ComponentStatistics]:
    """The components that were seen in training, the largest share first, the total last."""
    known = [each for each in report.components if each.points]
    return sorted(known, key=lambda each: (each.name == "total", -each.points[-1].share))


COMPONENTS = ["component", "mean at first", "mean at last", "share", "correlation with score"]


def component_table(report: Report, *, markdown: bool = False) -> str:
    """The rows as a table, see `component_rows`."""
    return table(COMPONENTS, component_rows(report), markdown=markdown)


def component_rows(report: Report) -> list[list[str]]:
    """One row per component under the names in `COMPONENTS`, the largest share first, the total last.

    The mean is per step, first and last stretch of training; the share is of the summed magnitude in the last stretch;
    the correlation is of the component's episode sum with the episode's score over the held-out episodes.
    """
    return [
        [
            each.name,
            number(each.points[0].mean),
            number(each.points[-1].mean),
            ABSENT if each.name == "total" else f"{each.points[-1].share:.0%}",
            ABSENT if each.correlation is None else f"{each.correlation:+.2f}",
        ]
        for each in ordered(report)
    ]
