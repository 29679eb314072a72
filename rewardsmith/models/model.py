"""The seam: a request goes in, a completion comes out."""

from __future__ import annotations

from typing import Protocol

from rewardsmith.domain.prompt import Completion, Request


class Model(Protocol):
    """Completes prompts.

    A model may also have `priced: bool`, true where every completion will say what it cost; see `prices_known`.
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
