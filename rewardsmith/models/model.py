"""The seam: a request goes in, a completion comes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from rewardsmith.domain.prompt import Completion, Request


class Model(Protocol):
    """Completes prompts.

    A model whose prices are known also has `price(prompt_tokens, completion_tokens)`, dollars; see `price`. One whose
    window is known has `window()`, tokens.
    """

    name: str
    """How the command line names it, such as `openai:gpt-5` or `offline`."""

    async def complete(self, request: Request) -> Completion:
        """Answer one request.

        Language models read `request.messages`, the offline author `request.context`, a recording `request.key`.
        Retries with backoff happen in here. Safe to call concurrently.

        Raises:
            ModelUnavailable: The provider is down, refuses the key, or keeps failing. The run pauses.
            ModelExhausted: A folder or recording has nothing left. The run finishes with what it has.
        """
        ...


def window(model: Model) -> int | None:
    """Tokens that an opened model takes at most, a prompt with its answer; None where that is not known.

    A plug-in says it by a method `window`.
    """
    asked: Callable[[], int | None] | None = getattr(model, "window", None)
    return None if asked is None else asked()


def price(model: Model, prompt_tokens: int, completion_tokens: int) -> float | None:
    """Dollars of a call of an opened model; None where its price is not known, so that no cap on money can hold.

    Known before anything is asked. A plug-in says it by a method `price`; one without it is taken at its silence.
    """
    asked: Callable[[int, int], float | None] | None = getattr(model, "price", None)
    return None if asked is None else asked(prompt_tokens, completion_tokens)
