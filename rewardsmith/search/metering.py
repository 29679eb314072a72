"""A model whose calls are charged at the most that they can take before they are made."""

from __future__ import annotations

from collections.abc import Callable

from rewardsmith.domain.plan import StopSpec
from rewardsmith.domain.prompt import Completion, CompletionKey, Request
from rewardsmith.domain.run import Run
from rewardsmith.errors import ModelExhausted, UsageError
from rewardsmith.models.model import Model, price

_MARGIN = 1.2
"""On the most tokens per byte that a prompt has had so far; before any, a byte counts as a token: none has more."""

_PICTURE = 2000
"""Tokens that a picture may take; of 480 x 480 pixels the large providers count 300 to 1,100."""

_FRAME = 16
"""Bytes for what a provider puts around each message."""


def check_priced(model: Model, name: str, stop: StopSpec, *, instead: str) -> None:
    """Raise UsageError where money is limited and nobody knows what the model costs."""
    if stop.dollars is not None and price(model, 1, 1) is None:
        raise UsageError(
            f"the prices of {name} are not known, so a limit in dollars would never act",
            hint=f"limit it by {instead}; litellm knows the prices of many models",
        )


class Metered:
    """Passes requests on as long as tokens and money last, calls that are under way counted.

    Args:
        model: Who is asked. One that costs nothing by its own price is not metered.
        stop: The limits.
        run: The run as it stands.
    """

    def __init__(self, model: Model, stop: StopSpec, run: Callable[[], Run]) -> None:
        self.name = model.name
        self._model, self._stop, self._run = model, stop, run
        self._free = price(model, 1, 1) == 0.0
        self._asked: dict[CompletionKey, tuple[int, float]] = {}
        self._most: float | None = None
        """Tokens per byte that a prompt has had at most; absent before the first."""

    def price(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        """As the model's."""
        return price(self._model, prompt_tokens, completion_tokens)

    async def complete(self, request: Request) -> Completion:
        """Answer as the model does.

        Raises:
            ModelUnavailable: As the model.
            ModelExhausted: What is left of the tokens or of the money may not do for this call.
        """
        if self._free:
            return await self._model.complete(request)
        size = sum(len(message.content.encode()) + _FRAME for message in request.messages)
        pictures = _PICTURE * sum(len(message.images) for message in request.messages)
        prompt = int(size * (1.0 if self._most is None else _MARGIN * self._most)) + pictures + 1
        most = prompt + request.max_tokens, self.price(prompt, request.max_tokens) or 0.0
        self._refuse(*most)
        self._asked[request.key] = most
        try:
            completion = await self._model.complete(request)
        except BaseException:
            del self._asked[request.key]
            raise
        if completion.prompt_tokens and size and not pictures:
            self._most = max(self._most or 0.0, completion.prompt_tokens / size)
        return completion

    def _refuse(self, tokens: int, dollars: float) -> None:
        """Raise ModelExhausted where the limits leave no room for so much."""
        run, stop = self._run(), self._stop
        kept = {completed.key for completed in run.completions}
        under_way = [most for key, most in self._asked.items() if key not in kept]
        usage = run.usage()
        taken = usage.tokens + sum(most for most, _ in under_way)
        if stop.tokens is not None and taken + tokens > stop.tokens:
            said = f"{taken:,} tokens used or asked for, and a call may take {tokens:,}, of {stop.tokens:,}"
            raise ModelExhausted(said, hint="raise --max-tokens")
        paid = usage.dollars + sum(most for _, most in under_way)
        if stop.dollars is not None and paid + dollars > stop.dollars:
            said = f"${paid:.2f} paid or asked for, and a call may cost ${dollars:.2f}, of ${stop.dollars:.2f}"
            raise ModelExhausted(said, hint="raise --max-dollars")
