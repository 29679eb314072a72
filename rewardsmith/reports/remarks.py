"""What was said by those who watched."""

from __future__ import annotations

from rewardsmith.domain.events import FeedbackGiven
from rewardsmith.domain.run import Run
from rewardsmith.domain.watching import Remark
from rewardsmith.reports.words import inert


def remarks(run: Run) -> list[str]:
    """A line for each remark, in order, and for what waits to be one."""
    return [*map(told, run.remarks()), *map(given, run.feedback.values())]


def remark_section(run: Run) -> str:
    """The section of a report; empty where nobody watched."""
    lines = remarks(run)
    return "\n".join(["## What was said", "", *(f"- {inert(line)}" for line in lines)]) if lines else ""


def given(feedback: FeedbackGiven) -> str:
    """What a person sent, in a line."""
    about = f" on {feedback.candidate}" if feedback.candidate else ""
    return f"feedback{about}, for the next generation: {feedback.text}"


def told(remark: Remark) -> str:
    """Who said what of whom, in a line."""
    parts = [f"preferred to {remark.over}"] if remark.over else []
    parts += [f"seen: {remark.saw}"] if remark.saw else []
    parts += [f"to change: {remark.change}"] if remark.change else []
    said = "; ".join(parts) or "nothing was said"
    return f"after generation {remark.generation}, {remark.who} on {remark.candidate}: {said}"
