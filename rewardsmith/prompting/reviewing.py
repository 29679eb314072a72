"""What a critic is asked about a draft, what it answered, and what its objections ask of the designer."""

from __future__ import annotations

from rewardsmith.domain.prompt import Completion, Context, Message
from rewardsmith.domain.recipe import Form, Recipe
from rewardsmith.domain.review import Review
from rewardsmith.prompting.answers import MOST_TEXT, ask_again, find_record, prose
from rewardsmith.prompting.extraction import spoken
from rewardsmith.prompting.forms import written
from rewardsmith.prompting.messages import compose, say, values_of
from rewardsmith.prompting.templates import fenced, plain

MOST_DRAFT = 20_000
"""Characters of an answer up to which it is shown whole; of a longer one the code is, as far as that."""
MOST_OBJECTIONS = 10
MOST_OBJECTION = 600
"""Characters of one."""

_EXAMPLE = '{"passes": false, "objections": ["what is wrong, and where"]}'


def compose_review(recipe: Recipe, context: Context, draft: Completion) -> tuple[Message, ...]:
    """The message that asks a critic whether a draft may train.

    Raises:
        RecipeError: As for `compose`; or the recipe has no `critic` template.
    """
    values = values_of(recipe, context) | {"draft": _told(draft, recipe.write.form)}
    return (say("user", recipe, "critic", values),)


def compose_review_again(messages: tuple[Message, ...], answer: str) -> tuple[Message, ...]:
    """The same once more, after an answer that was no review."""
    return ask_again(messages, answer, _EXAMPLE)


def read_review(text: str) -> Review | None:
    """The review in a critic's answer; None where there is none of the form asked for."""
    found = find_record(text, Review)
    if found is None:
        return None
    objections = [plain(each, MOST_OBJECTION) for each in found.objections if each.strip()]
    return Review(passes=found.passes, objections=tuple(objections[:MOST_OBJECTIONS]))


def taken_as_objection(text: str) -> Review:
    """What an answer without a review counts as: one objection, in its words; without any words none."""
    said = plain(prose(text), MOST_TEXT)
    return Review(passes=not said, objections=(said,) if said else ())


def compose_revision(recipe: Recipe, context: Context, draft: Completion, review: Review) -> tuple[Message, ...]:
    """The messages that ask the designer to answer a critic: what it was asked, the draft, the objections.

    Raises:
        RecipeError: As for `compose`; or the recipe has no `revise` template.
    """
    values = values_of(recipe, context) | {"objections": review.objections}
    said = Message(role="assistant", content=_told(draft, recipe.write.form))
    return (*compose(recipe, context), said, say("user", recipe, "revise", values))


def _told(draft: Completion, form: Form) -> str:
    """An answer with its reasoning where that is not too long, else its code."""
    text = spoken(draft.text).strip()
    return text if len(text) <= MOST_DRAFT else fenced(written(form, draft)[:MOST_DRAFT], "python")
