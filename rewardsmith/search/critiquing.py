"""Critique: a critic reviews what passed the gates, and the designer answers its objections, before anything trains.

A round is one review and, where it objects, one revision (Auto MC-Reward: at most three). The revision of the last
round is not reviewed again: the review could change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from rewardsmith.domain.prompt import Completion, CompletionKey
from rewardsmith.domain.recipe import Recipe
from rewardsmith.prompting.answers import CALLS
from rewardsmith.prompting.reviewing import (
    compose_review,
    compose_review_again,
    compose_revision,
    read_review,
    taken_as_objection,
)
from rewardsmith.search.asking import Asking
from rewardsmith.search.drafts import Ask, Draft


@dataclass(frozen=True)
class Critiquing:
    """The critic of one run; without rounds it is never asked."""

    recipe: Recipe
    asking: Asking

    def review(self, draft: Draft) -> Ask | None:
        """The call that reviews what this slot would train; None where that may not train, or was reviewed already."""
        best, done = draft.best(), len(draft.reviews)
        if done >= self.recipe.critique.rounds or not best.verdict.passed or best.round < done:
            return None
        messages = compose_review(self.recipe, best.ask.request.context, best.completion)
        key = draft.ask.request.key
        call = CompletionKey(generation=key.generation, role="critic", slot=key.slot, call=CALLS * done)
        return Ask(self.asking.request(call, messages, best.ask.request.context), draft)

    def heard(self, ask: Ask, completion: Completion) -> Ask | Draft:
        """What follows the critic's answer: it is asked once more, the designer revises, or the draft may train."""
        draft, request = ask.about, ask.request
        assert draft is not None
        review = read_review(completion.text)
        if review is None and request.key.call % CALLS == 0:
            messages = compose_review_again(request.messages, completion.text)
            call = request.key.model_copy(update={"call": request.key.call + 1})
            return Ask(self.asking.request(call, messages, request.context), draft)
        review = review or taken_as_objection(completion.text)
        reviewed = replace(draft, reviews=(*draft.reviews, review))
        if review.passes:
            return reviewed
        messages = compose_revision(self.recipe, request.context, draft.best().completion, review)
        key = request.key.model_copy(update={"role": "designer", "call": len(reviewed.reviews)})
        return Ask(self.asking.request(key, messages, request.context), reviewed)
