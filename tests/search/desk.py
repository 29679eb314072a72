"""A run whose slots are written, and parents analysed, from a folder of answers: real gates, store and folders."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rewardsmith.domain.candidate import Candidate
from rewardsmith.domain.prompt import Completion, Request
from rewardsmith.domain.robot import Robot
from rewardsmith.domain.run import Run
from rewardsmith.errors import ModelUnavailable
from rewardsmith.models.conformance import example_context
from rewardsmith.models.folder import FolderModel, dealt_files
from rewardsmith.screening.screen import Screen
from rewardsmith.search.analysing import Analysing
from rewardsmith.search.asking import Asking
from rewardsmith.search.composing import Composing
from rewardsmith.search.describing import Describing
from rewardsmith.search.journal import Journal
from rewardsmith.search.placing import Placing
from rewardsmith.search.writing import Writing
from rewardsmith.store.artifacts import RunFolder
from rewardsmith.store.leases import Owner
from rewardsmith.store.store import Store

PASSES = '{"passes": true, "objections": []}'


def objects(*said: str) -> str:
    return f"I looked at it.\n\n```json\n{json.dumps({'passes': False, 'objections': said})}\n```"


def draft(limit: float, words: str = "The pole shall stay up.", angle: str = "pole_angle") -> str:
    return f"""{words}

```python
import numpy as np


def sparse({angle}, terminated):
    # Falling is the one event.
    return np.where(terminated, -1.0, 0.0)


def dense({angle}, *, limit={limit}):
    return limit - np.abs({angle})
```
"""


class Dies:
    """Passes on so many calls, then the provider is down."""

    def __init__(self, model: FolderModel, calls: int) -> None:
        self.name, self._model, self._left = "dies", model, calls

    async def complete(self, request: Request) -> Completion:
        if not self._left:
            raise ModelUnavailable("down")
        self._left -= 1
        return await self._model.complete(request)


@dataclass
class Desk:
    """One run whose slots are written from a folder of answers."""

    store: Store
    spec: Any
    recipe: Any
    folder: Path
    ready: list[str] = field(default_factory=list)
    robot: Robot | None = None

    def run(self) -> Run:
        return Run.fold(self.store.events("story"))

    def answer(self, *texts: str) -> None:
        (self.folder / "answers").mkdir(exist_ok=True)
        for number, text in enumerate(texts):
            (self.folder / "answers" / f"{number:02}.md").write_text(text)

    @contextmanager
    def process(self, calls: int = 99, k: int = 1) -> Iterator[tuple[Composing, Asking]]:
        """What a process has in hand that dies after so many calls."""
        lease = self.store.claim("story", owner=Owner.current())
        try:
            journal = Journal(self.store, lease, self.run(), lambda event, run: None)
            dealt = dealt_files([each.model for each in journal.run.completions])
            asking = Asking(journal, Dies(FolderModel(self.folder / "answers", dealt=dealt), calls), self.recipe.write)
            given = example_context(k)
            task = given.task.model_copy(update={"robot": self.robot})
            spec = self.spec.model_copy(update={"k": k, "task": task})
            yield Composing(journal, spec, self.recipe, given.survey, given.probe), asking
        finally:
            self.store.release(lease)

    def write(self, *, k: int = 1, calls: int = 99, generation: int = 1) -> Run:
        """Fill the slots of a generation."""
        with self.process(calls, k) as (composing, asking):
            screen = Screen(composing.survey, composing.probe)
            placing = Placing(composing.journal, screen, RunFolder(self.folder, "run"))
            writing = Writing(composing.journal, self.recipe, asking, placing)

            def start(candidate: Candidate) -> None:
                self.ready.append(candidate.id)

            async def fill() -> None:
                contexts = await composing.contexts(generation, composing.parentage(generation))
                described = await Describing(self.recipe, asking, placing).generation(generation, contexts)
                await writing.generation(generation, described.contexts, start)
                if described.outage:
                    raise described.outage

            asyncio.run(fill())
        return self.run()

    def analyse(self, *, calls: int = 99, k: int = 1, generation: int = 2) -> Run:
        """Have the parents of a generation analysed."""
        with self.process(calls, k) as (composing, asking):
            analysing = Analysing(self.recipe, composing, asking, RunFolder(self.folder, "run"))
            asyncio.run(analysing.generation(generation, composing.parentage(generation)))
        return self.run()

    def asked(self) -> list[tuple[str, int, int]]:
        """Who was asked in which slot for which time, in order."""
        return [(each.key.role, each.key.slot, each.key.call) for each in self.run().completions]
