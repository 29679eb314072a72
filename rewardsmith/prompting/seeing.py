"""What a vision model is asked about pictures of trained agents, and what it answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rewardsmith.domain.prompt import Context, Message, Turn
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.watching import Impression
from rewardsmith.errors import RecipeError
from rewardsmith.prompting.answers import ask_again, find_record
from rewardsmith.prompting.messages import say, values_of
from rewardsmith.prompting.signals import number

TEMPLATE = "watcher"

_EXAMPLE = '{"better": 0, "saw": "what the agent does", "change": "what it should do instead"}'


@dataclass(frozen=True)
class Seen:
    """One candidate with its pictures."""

    turn: Turn
    pictures: tuple[str, ...]
    """JPEG in base64."""
    times: tuple[float, ...]
    """Seconds into the episode of each."""


def check_watcher(recipe: Recipe) -> None:
    """Raise RecipeError where the recipe has no template for somebody who watches."""
    if TEMPLATE not in recipe.templates:
        raise RecipeError(
            f"recipe {recipe.name}: {TEMPLATE}.md.j2 is missing, which --watcher needs",
            hint="write one, such as that of the recipe smith, or ask a person: --human",
        )


def compose_watch(recipe: Recipe, context: Context, seen: Sequence[Seen]) -> tuple[Message, ...]:
    """The message that asks what is to be seen in the pictures of one candidate, or of two.

    Raises:
        RecipeError: As for `compose`; or the recipe has no `watcher` template.
    """
    watched, first = [], 1
    for each in seen:
        last = first + len(each.pictures) - 1
        score = "" if each.turn.score is None else number(each.turn.score)
        watched.append({"first": first, "last": last, "times": [number(time) for time in each.times], "score": score})
        first = last + 1
    asked = say("user", recipe, TEMPLATE, values_of(recipe, context) | {"watched": watched})
    return (asked.model_copy(update={"images": tuple(picture for each in seen for picture in each.pictures)}),)


def compose_watch_again(messages: tuple[Message, ...], answer: str) -> tuple[Message, ...]:
    """The same once more, after an answer that was no impression."""
    return ask_again(messages, answer, _EXAMPLE)


def read_impression(text: str) -> Impression | None:
    """The impression in an answer; None where there is none of the form asked for, or an empty one."""
    found = find_record(text, Impression)
    return found if found and (found.saw.strip() or found.change.strip()) else None
