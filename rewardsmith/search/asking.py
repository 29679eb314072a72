"""Asks the model of a run, every role alike: what is stored already is not paid twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from rewardsmith.domain.prompt import Completion, CompletionKey, Context, Message, Request, prompt_hash
from rewardsmith.domain.recipe import WriteStage
from rewardsmith.models.model import Model
from rewardsmith.search.journal import Journal


@dataclass(frozen=True)
class Asking:
    """The model of one run with the run's stored completions."""

    journal: Journal
    model: Model
    write: WriteStage

    def request(self, key: CompletionKey, messages: tuple[Message, ...], context: Context) -> Request:
        """A call with the recipe's temperature and cap."""
        return Request(key, messages, context, temperature=self.write.temperature, max_tokens=self.write.max_tokens)

    @asynccontextmanager
    async def together(self, requests: Sequence[Request]) -> AsyncIterator[list[asyncio.Task[Completion]]]:
        """Calls side by side, started in order; each task gives what `ask` does. Those that nobody waits for end."""
        stored = [await self.stored(request) for request in requests]
        tasks = [asyncio.create_task(self.ask(*each)) for each in zip(requests, stored, strict=True)]
        try:
            yield tasks
        finally:
            for task in tasks:
                task.cancel()

    async def stored(self, request: Request) -> Completion | None:
        """What was answered earlier at this place."""
        return await self.journal.completion(request.key)

    async def ask(self, request: Request, stored: Completion | None = None) -> Completion:
        """The stored answer where there is one; else asks, and stores the answer before anyone uses it.

        Raises:
            ModelUnavailable: No completion can be had.
        """
        if stored is not None:
            return stored
        completion = await self.model.complete(request)
        await self.journal.keep(request.key, prompt_hash(request.messages), completion, request.context.cut)
        return completion
