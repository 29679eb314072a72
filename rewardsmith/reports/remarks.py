"""What was said by those who watched."""

from __future__ import annotations

from rewardsmith.domain.run import Run
from rewardsmith.domain.watching import Remark
from rewardsmith.reports.words import inert


def remarks(run: Run) -> list[str]:
    """A line for each generation after which somebody watched, in order."""
    return [told(remark) for _, remark in sorted(run.said.items())]


def remark_section(run: Run) -> str:
    """The section of a report; empty where nobody watched."""
    lines = remarks(run)
    return "\n".join(["## What was said", "", *(f"- {inert(line)}" for line in lines)]) if lines else ""


def told(remark: Remark) -> str:
    """Who said what of whom, in a line."""
    parts = [f"preferred to {remark.over}"] if remark.over else []
    parts += [f"seen: {remark.saw}"] if remark.saw else []
    parts += [f"to change: {remark.change}"] if remark.change else []
    said = "; ".join(parts) or "nothing was said"
    return f"after generation {remark.generation}, {remark.who} on {remark.candidate}: {said}"
