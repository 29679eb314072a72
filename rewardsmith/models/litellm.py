"""Every other provider, through litellm."""

from __future__ import annotations

import asyncio
import random
import time
import warnings
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from rewardsmith.domain.prompt import Completion, Request
from rewardsmith.errors import UsageError
from rewardsmith.models.provider import RETRIES, explain, listed_window, load_litellm, read_answer, secrets_in, spoken

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0


class LiteLLMModel:
    """One model of one provider, such as `anthropic/claude-sonnet-4-5`.

    Args:
        model: Provider and model, as litellm names them.
        base_url: Address of the server, where it is not the provider's own.
        timeout_s: Wall clock of one attempt.
        environ: Environment variables; their secrets are kept out of messages.
        retries: Repeats after a rate limit (429), an overload (5xx), a broken connection or a timeout.
        sleep: Waits between repeats.

    Raises:
        UsageError: litellm does not know the provider, or its key is not in the environment.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        timeout_s: float = 300.0,
        environ: Mapping[str, str] | None = None,
        retries: int = RETRIES,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.name = f"litellm:{model}"
        self._model = model
        self._base_url = base_url
        self._timeout_s = timeout_s
        self._secrets = secrets_in((environ or {}).items())
        self._retries = retries
        self._sleep = sleep
        self._litellm = _load()
        self._check()

    def price(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        """Dollars by litellm's price list; servers named by an address have no price that is known."""
        if self._base_url is not None:
            return None
        told = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
        try:
            return float(sum(self._litellm.cost_per_token(model=self._model, **told)))
        except Exception:
            return None

    def window(self) -> int | None:
        """Tokens by litellm's list; servers named by an address have none that is known."""
        if self._base_url is not None:
            return None
        try:
            return listed_window(self._litellm.get_model_info(self._model))
        except Exception:
            return None

    async def complete(self, request: Request) -> Completion:
        """Ask the provider.

        Raises:
            ModelUnavailable: It is down, refuses the key or the request, or keeps failing.
        """
        import openai

        begun = time.monotonic()
        for attempt in range(self._retries + 1):
            try:
                async with asyncio.timeout(self._timeout_s):
                    answer = await self._ask(request)
                break
            except (openai.OpenAIError, TimeoutError) as fault:
                if attempt == self._retries or not _passing(fault):
                    raise explain(fault, name=self.name, timeout_s=self._timeout_s, secrets=self._secrets) from None
            await self._sleep(_wait(attempt))
        return read_answer(answer, name=self.name, wall_s=time.monotonic() - begun, dollars=self._price(answer))

    async def _ask(self, request: Request) -> Any:
        given = {} if self._base_url is None else {"api_base": self._base_url}
        return await self._litellm.acompletion(
            model=self._model,
            messages=spoken(request.messages),
            temperature=request.temperature,
            max_tokens=request.max_tokens,
            timeout=self._timeout_s,
            drop_params=True,
            num_retries=0,
            max_retries=0,
            **given,
        )

    def _check(self) -> None:
        try:
            self._litellm.get_llm_provider(self._model)
        except Exception as fault:
            raise UsageError(
                f"{self.name}: litellm does not know who serves that",
                hint="write provider/model, such as litellm:anthropic/claude-sonnet-4-5; "
                "all providers: https://docs.litellm.ai/docs/providers",
            ) from fault
        if self._base_url is not None:
            return
        missing = self._litellm.validate_environment(self._model)["missing_keys"]
        if missing:
            raise UsageError(
                f"{self.name} needs {' and '.join(missing)} in the environment",
                hint=f"export {missing[0]}=...; the offline author needs none: --model offline",
            )

    def _price(self, answer: Any) -> float | None:
        if self._base_url is not None:
            return None
        try:
            return float(self._litellm.completion_cost(completion_response=answer, model=self._model))
        except Exception:
            return None


def _load() -> Any:
    """litellm, without its fetch of a price list, its chatter, its telemetry and the warnings of its own records."""
    litellm = load_litellm()
    warnings.filterwarnings("ignore", module=r"litellm\.|pydantic\.")
    litellm.suppress_debug_info = True
    litellm.telemetry = False
    return litellm


def _passing(fault: Exception) -> bool:
    import openai

    status = getattr(fault, "status_code", None)
    if isinstance(fault, TimeoutError | openai.APIConnectionError):
        return True
    return isinstance(fault, openai.APIStatusError) and (status in {408, 409, 429} or int(status or 0) >= 500)


def _wait(attempt: int) -> float:
    """Seconds before the next attempt: doubled each time, with some jitter so that calls do not march in step."""
    return min(FIRST_WAIT_S * 2.0**attempt, LONGEST_WAIT_S) * (1 - 0.25 * random.random())
