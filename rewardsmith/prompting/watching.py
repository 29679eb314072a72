"""What somebody who watched said of earlier rewards, as a prompt tells it."""

from __future__ import annotations

from dataclasses import dataclass

from rewardsmith.domain.prompt import Context
from rewardsmith.domain.recipe import Form
from rewardsmith.prompting.forms import shown
from rewardsmith.prompting.signals import number
from rewardsmith.prompting.templates import plain

MOST_SAID = 1000
"""Characters of what was seen, and of what is to change."""


@dataclass(frozen=True)
class Heard:
    """One round of a transcript."""

    id: str
    score: str
    source: str
    saw: str
    """In a line; empty where nothing was said of it."""
    change: str
    """The same."""


def said(form: Form, context: Context) -> tuple[Heard, ...]:
    """Every remark that says something, oldest first, with the reward that it is about."""
    turns = {turn.candidate.id: turn for turn in context.history}
    found = []
    for remark in context.said:
        turn = turns.get(remark.candidate)
        if turn is None or not remark.words or remark.generation < context.since:
            continue
        score = "" if turn.score is None else number(turn.score)
        saw, change = plain(remark.saw, MOST_SAID), plain(remark.change, MOST_SAID)
        source = shown(form, turn.candidate.source or "", context)
        found.append(Heard(remark.candidate, score, source, saw, change))
    return tuple(found)
