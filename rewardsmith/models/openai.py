"""OpenAI, and every server that speaks its chat interface: vLLM, Ollama, llama.cpp."""

from __future__ import annotations

import asyncio
import importlib.util
import time
from collections.abc import Mapping
from typing import Any, Self

from rewardsmith.domain.prompt import Completion, Request
from rewardsmith.errors import ModelUnavailable, UsageError
from rewardsmith.models.provider import (
    RETRIES,
    explain,
    listed_window,
    load_litellm,
    read_answer,
    redact,
    spoken,
    tokens_of,
)

OWN_URL = "https://api.openai.com/v1"
"""Where the key of `OPENAI_API_KEY` is needed."""


class OpenAIModel:
    """One model of one server.

    Args:
        model: Name of the model, as the server knows it.
        key: Key of the server.
        base_url: Address of its chat interface.
        timeout_s: Wall clock of one attempt.
        retries: Repeats after a rate limit (429), an overload (5xx), a broken connection or a timeout, with the
            client's exponential backoff or the server's `Retry-After`.
    """

    def __init__(
        self, model: str, *, key: str, base_url: str = OWN_URL, timeout_s: float = 300.0, retries: int = RETRIES
    ) -> None:
        self.name = f"openai:{model}"
        self._model = model
        self._key = key
        self._base_url = base_url
        self._own = base_url.rstrip("/") == OWN_URL
        self._timeout_s = timeout_s
        self._retries = retries
        self._cap = "max_completion_tokens" if self._own else "max_tokens"
        self._with_temperature = True

    @classmethod
    def configure(cls, model: str, *, base_url: str | None, timeout_s: float, environ: Mapping[str, str]) -> Self:
        """The model with address and key from the environment where they are not given.

        Raises:
            UsageError: The server is OpenAI's own and there is no key.
        """
        url = base_url or environ.get("OPENAI_BASE_URL") or OWN_URL
        key = environ.get("OPENAI_API_KEY", "").strip()
        if not key and url.rstrip("/") == OWN_URL:
            raise UsageError(
                f"openai:{model} needs a key",
                hint="export OPENAI_API_KEY=..., or name a server of your own with --base-url; "
                "the offline author needs none: --model offline",
            )
        if not url.startswith(("http://", "https://")):
            raise UsageError(f"no address of a server: {url!r}", hint="such as http://localhost:11434/v1")
        return cls(model, key=key or "none", base_url=url, timeout_s=timeout_s)

    def price(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        """Dollars by the price list; servers other than OpenAI's own have no price that is known."""
        return _price(self._model, prompt_tokens, completion_tokens) if self._own else None

    def window(self) -> int | None:
        """Tokens by litellm's list; servers other than OpenAI's own have none that is known."""
        return listed_window(_listed(self._model)) if self._own else None

    async def complete(self, request: Request) -> Completion:
        """Ask the server.

        Raises:
            ModelUnavailable: It is down, refuses the key or the request, or keeps failing.
        """
        import openai

        begun = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout_s * (self._retries + 1) + 60):
                answer = await self._ask(request)
        except (openai.OpenAIError, TimeoutError, ValueError) as fault:
            if isinstance(fault, openai.APIResponseValidationError) or not isinstance(
                fault, openai.OpenAIError | TimeoutError
            ):
                said = redact(str(fault), (self._key,))
                raise ModelUnavailable(
                    f"{self.name}: the server answered something that is no chat completion: {said}",
                    hint="check that the address ends where the server's chat interface begins, usually in /v1",
                ) from None
            raise explain(fault, name=self.name, timeout_s=self._timeout_s, secrets=(self._key,)) from None
        wall_s = time.monotonic() - begun
        dollars = await asyncio.to_thread(self.price, *tokens_of(answer))
        return read_answer(answer, name=self.name, wall_s=wall_s, dollars=dollars)

    async def list_models(self, patience_s: float) -> tuple[str, ...]:
        """Names of the models that the server offers; costs nothing. Empty where the server keeps no list.

        Raises:
            ModelUnavailable: It is down, or refuses the key.
        """
        import openai

        client = openai.AsyncOpenAI(api_key=self._key, base_url=self._base_url, timeout=patience_s, max_retries=0)
        ask = client.models.list  # loads the client's modules, which is no time of the server
        try:
            async with client, asyncio.timeout(2 * patience_s):
                return tuple([model.id async for model in ask()])
        except openai.NotFoundError:
            return ()
        except (TimeoutError, openai.APITimeoutError):
            hint = "check the network and the address"
            raise ModelUnavailable(f"{self.name}: no answer within {patience_s:g} s", hint=hint) from None
        except openai.OpenAIError as fault:
            raise explain(fault, name=self.name, timeout_s=patience_s, secrets=(self._key,)) from None
        except (ValueError, AttributeError, TypeError):
            raise ModelUnavailable(
                f"{self.name}: the server answered something that is no list of models",
                hint="check that the address ends where the server's chat interface begins, usually in /v1",
            ) from None

    async def _ask(self, request: Request) -> Any:
        """One answer; a parameter that this model refuses is renamed or left out, once."""
        import openai

        async with openai.AsyncOpenAI(
            api_key=self._key, base_url=self._base_url, timeout=self._timeout_s, max_retries=self._retries
        ) as client:
            for _ in range(2):
                try:
                    return await client.chat.completions.create(**self._arguments(request))
                except openai.BadRequestError as fault:
                    if not self._yields(fault):
                        raise
            return await client.chat.completions.create(**self._arguments(request))

    def _arguments(self, request: Request) -> dict[str, Any]:
        arguments: dict[str, Any] = {"model": self._model, "messages": spoken(request.messages)}
        arguments[self._cap] = request.max_tokens
        if self._with_temperature:
            arguments["temperature"] = request.temperature
        return arguments

    def _yields(self, fault: Any) -> bool:
        """Adapt to a model that takes another cap, or no temperature; whether there was anything to adapt."""
        param = str(getattr(fault, "param", None) or "")
        if self._with_temperature and param == "temperature":
            self._with_temperature = False
            return True
        if param == self._cap == "max_tokens":
            self._cap = "max_completion_tokens"
            return True
        return False


def _listed(model: str) -> dict[str, Any] | None:
    """What litellm's list, which comes with the package, says of a model; None without it or what it lacks."""
    if importlib.util.find_spec("litellm") is None:
        return None
    found: dict[str, Any] | None = load_litellm().model_cost.get(model)
    return found


def _price(model: str, prompt_tokens: int, completion_tokens: int) -> float | None:
    """Dollars by litellm's list; None for a model that it lacks."""
    listed = _listed(model)
    if not listed or "input_cost_per_token" not in listed or "output_cost_per_token" not in listed:
        return None
    paid: float = prompt_tokens * listed["input_cost_per_token"] + completion_tokens * listed["output_cost_per_token"]
    return paid
