"""Several models in one run: each slot is answered by one of them, by stated shares."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rewardsmith.domain.prompt import Completion, CompletionKey, Request
from rewardsmith.errors import UsageError
from rewardsmith.models.model import Model, price, window

_SHARE = re.compile(r"(?P<name>.+)=(?P<share>\d+(\.\d+)?)")


@dataclass(frozen=True)
class Author:
    """A model of a mixture."""

    name: str
    """As the command line names it."""
    share: float
    """Of the slots, relative to the others'."""


def authors(name: str) -> tuple[Author, ...]:
    """The models that `--model` names: `offline`, or `openai:gpt-5=3,offline` for three slots of four and one.

    Raises:
        UsageError: One of several has no name, is named twice, or has no share.
    """
    parts = name.split(",")
    if len(parts) == 1:
        return (Author(name, 1.0),)
    found = []
    for part in parts:
        told = _SHARE.fullmatch(part.strip())
        found.append(Author(told["name"], float(told["share"])) if told else Author(part.strip(), 1.0))
    names = [author.name for author in found]
    hint = "several models and their shares are named as in --model openai:gpt-5=3,offline"
    if not all(names):
        raise UsageError(f"one of the models in {name!r} has no name", hint=hint)
    if twice := next((each for each in names if names.count(each) > 1), None):
        raise UsageError(f"the model {twice!r} is named twice", hint=hint)
    if none := next((author.name for author in found if author.share <= 0), None):
        raise UsageError(f"the model {none!r} has no share", hint=f"leave it out; {hint}")
    return tuple(found)


class Mixture:
    """Passes each request on to the model of its slot, which every role of that slot asks.

    Slots are dealt in order over the whole run: each goes to the model that is furthest behind its share, so that the
    shares hold in every stretch of a run, and a resumed run asks the same.

    Args:
        models: The models, opened, each with its author's name and share.
    """

    def __init__(self, models: Sequence[tuple[Author, Model]]) -> None:
        self.name = ",".join(author.name for author, _ in models)
        self._models = tuple(models)
        self._dealt: list[int] = []

    def price(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        """As the dearest of them; None where one price is not known."""
        prices = [price(model, prompt_tokens, completion_tokens) for _, model in self._models]
        known = [each for each in prices if each is not None]
        return max(known) if len(known) == len(prices) else None

    def window(self) -> int | None:
        """The least that is known: slots of all of them are told the same."""
        return min((found for _, model in self._models if (found := window(model)) is not None), default=None)

    async def complete(self, request: Request) -> Completion:
        """Answer as the slot's model does.

        Raises:
            ModelUnavailable: As the model.
            ModelExhausted: As the model, others may have more.
        """
        author, model = self._models[self._of(request.key, request.context.k)]
        completion = await model.complete(request)
        return completion.model_copy(update={"author": author.name})

    def _of(self, key: CompletionKey, k: int) -> int:
        place = (key.generation - 1) * k + key.slot
        total = sum(author.share for author, _ in self._models)
        while len(self._dealt) <= place:
            lacks = [
                author.share / total * (len(self._dealt) + 1) - self._dealt.count(i)
                for i, (author, _) in enumerate(self._models)
            ]
            self._dealt.append(lacks.index(max(lacks)))
        return self._dealt[place]
