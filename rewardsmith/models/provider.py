"""What providers of language models have in common: reading an answer, and telling a fault without telling a key."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import threading
import warnings
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from rewardsmith.domain.prompt import Completion, Message
from rewardsmith.errors import ModelUnavailable, one_line

RETRIES = 6
"""Repeats of a call that met a rate limit, an overload, a broken connection or a timeout; about 25 s of waiting."""

_ONE = threading.Lock()
_TOKEN = re.compile(r"(?i)\b(?:sk|pk|key|bearer)[-_ ][\w.*-]{6,}")
_SECRET_NAME = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS)s?$", re.IGNORECASE)


def spoken(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Messages as the chat interface takes them; pictures follow the text that they go with."""
    return [{"role": message.role, "content": _content(message)} for message in messages]


def _content(message: Message) -> str | list[dict[str, Any]]:
    if not message.images:
        return message.content
    pictures = [
        {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{picture}"}} for picture in message.images
    ]
    return [{"type": "text", "text": message.content}, *pictures]


def read_answer(answer: Any, *, name: str, wall_s: float, dollars: float | None) -> Completion:
    """The completion in an answer of the chat interface.

    Raises:
        ModelUnavailable: The server answered something else.
    """
    try:
        choice = answer.choices[0]
        text = choice.message.content
        text = "" if text is None else _clean(str(text))
        finish = _clean(str(choice.finish_reason or "stop"))
    except (AttributeError, IndexError, TypeError):
        raise ModelUnavailable(
            f"{name}: the server answered something that is no chat completion",
            hint="check that the address ends where the server's chat interface begins, usually in /v1",
        ) from None
    usage = getattr(answer, "usage", None)
    return Completion(
        text=text,
        model=_clean(str(getattr(answer, "model", None) or name)),
        prompt_tokens=_count(usage, "prompt_tokens"),
        completion_tokens=_count(usage, "completion_tokens"),
        dollars=dollars,
        wall_s=wall_s,
        finish_reason=finish,
    )


def _clean(text: str) -> str:
    """`text` with lone surrogates, which JSON may hold and no file can, as question marks."""
    return text.encode("utf-8", "replace").decode()


def tokens_of(answer: Any) -> tuple[int, int]:
    """Tokens of the prompt and of the answer; 0 where they are not told."""
    usage = getattr(answer, "usage", None)
    return _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")


def explain(fault: Exception, *, name: str, timeout_s: float, secrets: Collection[str]) -> ModelUnavailable:
    """What a provider's error means for the user. Raise it `from None`: the original may hold the request's headers."""
    import openai

    status = getattr(fault, "status_code", None)
    said = redact(str(getattr(fault, "message", "") or fault), secrets)
    if isinstance(fault, TimeoutError | asyncio.TimeoutError | openai.APITimeoutError):
        return ModelUnavailable(
            f"{name}: no answer within {timeout_s:g} s, however often it was asked",
            hint="the run keeps what it has; resume it when the server answers sooner, or ask for less at a time",
        )
    if status in {401, 403}:
        return ModelUnavailable(
            f"{name}: the provider refuses the key (HTTP {status})",
            hint="check the key in the environment, then resume",
        )
    if status == 404:
        return ModelUnavailable(f"{name}: not found by the server (HTTP 404): {said}", hint="check the model's name")
    if status == 429:
        return ModelUnavailable(
            f"{name}: still limited after {RETRIES} retries (HTTP 429): {said}", hint="resume when the limit is lifted"
        )
    if isinstance(status, int) and status >= 500 and isinstance(fault, openai.APIStatusError):
        return ModelUnavailable(
            f"{name}: the provider keeps failing (HTTP {status}): {said}", hint="resume when it is up again"
        )
    if isinstance(fault, openai.APIConnectionError):
        return ModelUnavailable(
            f"{name}: cannot be reached: {said}", hint="check the network and the address, then resume"
        )
    number = f" (HTTP {status})" if status else ""
    return ModelUnavailable(f"{name}: the provider refuses the request{number}: {said}")


def redact(text: str, secrets: Collection[str]) -> str:
    """`text` on one line, at most 300 printable characters, without secrets or what looks like one."""
    for secret in sorted((s for s in secrets if len(s) >= 4), key=len, reverse=True):
        text = text.replace(secret, "[key]")
    return one_line(_TOKEN.sub("[key]", text))


def secrets_in(environ: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Values of environment variables whose names say that they are secret."""
    return frozenset(value for name, value in environ if _SECRET_NAME.search(name) and value)


def load_litellm() -> Any:
    """The package litellm, without its fetch of a price list and the warnings of its own records.

    By one thread at a time: two that switch the warnings of a process off and on again leave them off.
    """
    with _ONE:
        if "litellm" in sys.modules:
            return sys.modules["litellm"]
        os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import litellm
        return litellm


def listed_window(listed: Mapping[str, Any] | None) -> int | None:
    """Tokens of a model's window by its entry in litellm's list, whose limits may be of the input alone."""
    found = (listed or {}).get("max_input_tokens") or (listed or {}).get("max_tokens")
    return found if isinstance(found, int) and found > 0 else None


def _count(usage: Any, field: str) -> int:
    value = getattr(usage, field, None)
    return value if isinstance(value, int) and value > 0 else 0
