"""Ask somebody: once a generation has ended, a person or a vision model watches what the next one improves on.

What people sent unasked meanwhile becomes remarks of the same kind, at the same place.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rewardsmith.domain.events import Said
from rewardsmith.domain.film import GIF, VIDEO
from rewardsmith.domain.prompt import Context, Turn
from rewardsmith.domain.watching import Impression, Remark
from rewardsmith.errors import ModelExhausted, RewardsmithError, one_line
from rewardsmith.prompting.watching import MOST_SAID
from rewardsmith.search.composing import Composing
from rewardsmith.search.filming import Camera, Footage, attempt_of
from rewardsmith.search.journal import Journal

PERSON = "person"
"""Who watches, where it is no model."""
_MOST_WORDS = 2000
"""Characters that are kept of what was seen, and of what is to change."""


@dataclass(frozen=True)
class Shown:
    """One candidate that is watched."""

    turn: Turn
    video: Path | None
    """The MP4; a GIF lies beside it. Absent where nothing could be filmed."""
    footage: Footage | None = None
    fault: RewardsmithError | None = None
    """Why nothing could be filmed."""


@dataclass(frozen=True)
class Showing:
    """What is watched, and what the next generation's first slot would be asked."""

    generation: int
    """The one that has ended."""
    shown: tuple[Shown, ...]
    """The parent-to-be, and who would be it without that one."""
    context: Context


class Watcher(Protocol):
    """Somebody who watches."""

    @property
    def who(self) -> str:
        """`person`, or the name of the model."""
        ...

    async def watch(self, showing: Showing) -> Impression:
        """What is seen; an empty impression where nothing is to be said. May take as long as it likes.

        Raises:
            ModelUnavailable: A model cannot be asked; the run pauses.
            InfrastructureError: There are no pictures for one that needs them.
        """
        ...


@dataclass(frozen=True)
class Watching:
    """Asks after each generation but the last, once; what is said is an event before anything uses it."""

    journal: Journal
    composing: Composing
    camera: Camera
    watcher: Watcher | None

    async def after(self, generation: int) -> None:
        """Have the parents of the next generation watched, and pass on what came unasked, unless it has begun."""
        run = self.journal.run
        if generation not in run.generations or run.begun() > generation:
            return
        if self.watcher is not None and generation not in run.said:
            await self._ask(self.watcher, generation)
        await self.journal.listen()
        if remarks := self._unasked(generation):
            await self.journal.append(*remarks)

    async def _ask(self, watcher: Watcher, generation: int) -> None:
        showing = await self._showing(generation)
        if showing is None:
            return
        try:
            impression = await watcher.watch(showing)
        except ModelExhausted:
            impression = Impression()
        await self.journal.append(Said(remark=_remark(showing, impression, watcher.who)))

    def _unasked(self, generation: int) -> list[Said]:
        """A remark for each candidate that feedback is about, the next parent's last.

        What is more than a prompt shows waits for the next generation, and so does all of it while nothing has a score.
        """
        given = self.journal.run.feedback
        parents = self.composing.parentage(generation + 1).of(0)[:1] if given else ()
        if not parents:
            return []
        parent = parents[0].candidate.id
        found: dict[str, dict[int, str]] = {}
        for event, each in given.items():
            words = found.setdefault(each.candidate or parent, {})
            if len(" ".join([*words.values(), each.text])) <= MOST_SAID:
                words[event] = each.text
        return [
            Said(
                remark=Remark(generation=generation, candidate=name, change=" ".join(words.values()), who=PERSON),
                feedback=tuple(words),
            )
            for name, words in sorted(found.items(), key=lambda item: item[0] == parent)
        ]

    async def _showing(self, generation: int) -> Showing | None:
        """Film the next parent and the runner-up; None where nothing has a score."""
        parentage = self.composing.parentage(generation + 1)
        context = (await self.composing.contexts(generation + 1, parentage))[0]
        first = context.parents[:1]
        if not first:
            return None
        second = self.composing.parentage(generation + 1, without=first[0].candidate.id).of(0)[:1]
        shown = await asyncio.gather(*(self._film(turn) for turn in (*first, *second)))
        return Showing(generation, tuple(shown), context)

    async def _film(self, turn: Turn) -> Shown:
        folder = self.camera.folder.candidate(turn.candidate.id)
        try:
            attempt = attempt_of(self.journal.run, turn.candidate.id)
            footage = await self.camera.keep(attempt, folder / VIDEO, folder / GIF)
        except RewardsmithError as fault:
            return Shown(turn, None, fault=fault)
        await self.journal.patiently(lambda: self.camera.folder.keep_film(turn.candidate.id))
        return Shown(turn, folder / VIDEO, footage)


def _remark(showing: Showing, impression: Impression, who: str) -> Remark:
    names = [shown.turn.candidate.id for shown in showing.shown]
    chosen = impression.better - 1 if len(names) > 1 and impression.better else None
    return Remark(
        generation=showing.generation,
        candidate=names[chosen or 0],
        over=None if chosen is None else names[1 - chosen],
        saw=one_line(impression.saw, _MOST_WORDS),
        change=one_line(impression.change, _MOST_WORDS),
        who=who,
    )
