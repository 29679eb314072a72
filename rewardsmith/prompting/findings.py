"""What a trajectory analyser is asked about a parent, what it answered, and what the designer is told of that."""

from __future__ import annotations

from pydantic import BaseModel, Field

from rewardsmith.domain.analysis import Analysis, Evidence, Finding
from rewardsmith.domain.prompt import Context, Message
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.record import Record
from rewardsmith.prompting.answers import ask_again, find_record, prose
from rewardsmith.prompting.messages import say, values_of
from rewardsmith.prompting.templates import plain
from rewardsmith.prompting.trajectories import Trajectories

MOST_SAID = 1500
"""Characters of a cause, and of a suggestion."""
MOST_EVIDENCE = 8

_EXAMPLE = '{"cause": "...", "evidence": [{"episode": 1, "step": 0}], "suggestion": "..."}'


class _Place(BaseModel):
    """A step that the analyser points at; what it adds counts for nothing."""

    episode: int
    step: int


class _Answer(Record):
    """What is asked for."""

    cause: str = Field(min_length=1)
    evidence: tuple[_Place, ...] = Field(default=(), max_length=100)
    suggestion: str = Field(min_length=1)


def compose_analysis(recipe: Recipe, context: Context, told: Trajectories) -> tuple[Message, ...]:
    """The message that asks why the agent of `context`'s parent fails.

    Raises:
        RecipeError: As for `compose`; or the recipe has no `analyser` template.
    """
    return (say("user", recipe, "analyser", values_of(recipe, context) | {"trajectories": told}),)


def compose_analysis_again(messages: tuple[Message, ...], answer: str) -> tuple[Message, ...]:
    """The same once more, after an answer that was no finding."""
    return ask_again(messages, answer, _EXAMPLE)


def read_analysis(text: str, told: Trajectories) -> Analysis | None:
    """The finding in an analyser's answer; None where there is none of the form asked for.

    Evidence that points outside what was shown is dropped and counted; the rest carries what was shown there.
    """
    found = find_record(text, _Answer)
    if found is None:
        return None
    evidence = [
        Evidence(episode=each.episode, step=each.step, shown=told.rows[each.episode, each.step])
        for each in found.evidence
        if (each.episode, each.step) in told.rows
    ]
    finding = Finding(
        cause=plain(found.cause, MOST_SAID),
        evidence=tuple(evidence[:MOST_EVIDENCE]),
        suggestion=plain(found.suggestion, MOST_SAID),
    )
    return Analysis(finding=finding, dropped=len(found.evidence) - len(evidence))


def taken_as_it_is(text: str) -> Analysis:
    """What an answer without a finding counts as: its text."""
    said = prose(text)
    return Analysis(text=said, without="" if said else "the analyser gave no answer")
